/** What a client observed of a split: its amount, its partners as a bit set, and its version. */
export interface Observation {
  readonly amount: number
  readonly partners: number
  readonly version: number
}

type Action =
  | { readonly kind: 'event'; readonly partner: number }
  | { readonly kind: 'close' | 'amend'; readonly amount: number }
  | { readonly kind: 'recalculate' | 'read' }

/** One call on a deal: when it was invoked, when it returned, and what it returned (undefined for no deal). */
export type Call = Action & {
  readonly invokedAt: number
  readonly returnedAt: number
  readonly observed?: Observation | undefined
}

/** The state of a deal whose calls each take effect at one instant. */
interface State {
  readonly amount: number | undefined
  readonly partners: number
  readonly seen: Observation | undefined
}

/**
 * Whether these calls are linearizable: there is an order, with each call at an instant between its invocation and its
 * return, in which a deal without concurrency gives the same answers.
 */
export function isLinearizable(calls: readonly Call[]): boolean {
  const dead = new Set<string>()

  const search = (done: number, state: State): boolean => {
    if (done === 2 ** calls.length - 1) return true
    const key = `${done} ${state.amount} ${state.partners} ${state.seen?.version} ${state.seen?.amount} ${state.seen?.partners}`
    if (dead.has(key)) return false
    const left = calls
      .entries()
      .filter(([n]) => (done & (1 << n)) === 0)
      .toArray()
    const firstReturn = Math.min(...left.map(([, { returnedAt }]) => returnedAt))
    for (const [n, call] of left) {
      if (call.invokedAt > firstReturn) continue
      const next = act(state, call)
      if (next !== undefined && search(done | (1 << n), next)) return true
    }
    dead.add(key)
    return false
  }
  return search(0, { amount: undefined, partners: 0, seen: undefined })
}

/** The state after a call; undefined if the call cannot have had this answer in the state before. */
function act(state: State, call: Call): State | undefined {
  switch (call.kind) {
    case 'event':
      return { ...state, partners: state.partners | (1 << call.partner) }
    case 'close':
      return state.amount === undefined
        ? observe({ ...state, amount: call.amount }, call.observed)
        : undefined
    case 'amend':
      return observe(state.amount === undefined ? state : { ...state, amount: call.amount }, call.observed)
    case 'recalculate':
    case 'read':
  }
  return observe(state, call.observed)
}

// A version may include several events, so it does not count calls, but it must rise when the split changes.
function observe(state: State, observed: Observation | undefined): State | undefined {
  const { amount, partners, seen } = state
  if (observed === undefined) return amount === undefined ? state : undefined
  if (observed.amount !== amount || observed.partners !== partners) return undefined
  if (seen === undefined) return { ...state, seen: observed }
  const isSame = seen.amount === amount && seen.partners === partners
  const isLater = isSame ? observed.version >= seen.version : observed.version > seen.version
  return isLater ? { ...state, seen: observed } : undefined
}
