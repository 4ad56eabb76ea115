/** The old and new values of those fields that changed; undefined if none did. */
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
