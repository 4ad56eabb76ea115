/** What a client saw of a deal's split: its amount, the partners it counts, and its version. */
export interface Sight {
  readonly amount: number
  readonly partners: number
  readonly version: number
}

type Action =
  | { readonly kind: 'event'; readonly partner: number }
  | { readonly kind: 'close' | 'amend'; readonly amount: number }
  | { readonly kind: 'recalculate' | 'read' }

/** One call on a deal: when it was invoked, when it returned, and what it returned; undefined where there was no deal. */
export type Call = Action & {
  readonly invokedAt: number
  readonly returnedAt: number
  readonly sight?: Sight | undefined
}

/** The deal as one thing that calls act on, each at one instant. */
interface State {
  readonly amount: number | undefined
  readonly partners: number
  readonly seen: Sight | undefined
}

/**
 * Whether there is an order of these calls, each at some instant between its invocation and its return, in which a
 * deal without concurrency would have answered every one of them as it was answered.
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

/** The state after a call; undefined where the call cannot have been answered so in that state. */
function act(state: State, call: Call): State | undefined {
  switch (call.kind) {
    case 'event':
      return { ...state, partners: state.partners | (1 << call.partner) }
    case 'close':
      return state.amount === undefined ? observe({ ...state, amount: call.amount }, call.sight) : undefined
    case 'amend':
      return observe(state.amount === undefined ? state : { ...state, amount: call.amount }, call.sight)
    case 'recalculate':
    case 'read':
  }
  return observe(state, call.sight)
}

// A version may take in several events, so it need not count calls; but it must rise whenever the split has changed.
function observe(state: State, sight: Sight | undefined): State | undefined {
  const { amount, partners, seen } = state
  if (sight === undefined) return amount === undefined ? state : undefined
  if (sight.amount !== amount || sight.partners !== partners) return undefined
  if (seen === undefined) return { ...state, seen: sight }
  const isSame = seen.amount === amount && seen.partners === partners
  const isLater = isSame ? sight.version >= seen.version : sight.version > seen.version
  return isLater ? { ...state, seen: sight } : undefined
}
