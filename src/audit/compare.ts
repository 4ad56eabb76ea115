/** The fields of these in which two states differ, as they were and as they are; undefined where the states are alike. */
export function compare<State extends object>(
  before: State,
  after: State,
  fields: readonly (keyof State & string)[],
) {
  const changed = fields.filter((field) => before[field] !== after[field])
  if (changed.length === 0) return undefined
  const pick = (state: State) => Object.fromEntries(changed.map((field) => [field, state[field]]))
  return { before: pick(before), after: pick(after) }
}
