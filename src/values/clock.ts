/** The time in milliseconds. The service runs on `systemClock`; a test sets the time of its own clock. */
export interface Clock {
  readonly now: () => number
  /** Calls `call` once after `ms`. Returns a function that cancels the call. */
  readonly after: (ms: number, call: () => void) => () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}
