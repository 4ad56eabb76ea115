/** What the shared count says after a lease: requests taken by all instances, and how long the window lasts. */
export interface Taken {
  readonly taken: number
  readonly endsInMs: number
}

interface Needs {
  /** Adds to the shared count of a subject's window; begins a new window where the last is over. */
  readonly lease: (subject: string, size: number, windowMs: number) => Promise<Taken>
  readonly onTrouble: (error: unknown) => void
  readonly now?: () => number
}

/** A subject's window as this instance sees it. */
interface Window {
  endsAt: number
  /** Taken from the shared count by all instances, as of our last lease. */
  taken: number
  leased: number
  spent: number
  lastSize: number
  waiting: number
  aloneUntil: number
  renewal: Promise<void> | undefined
}

/** A window never leases more than this part of what is left, so the leases shrink as the limit comes near. */
const part = 10
const aloneMs = 1000
const mostWindows = 10_000

/**
 * Counts requests against limits that all instances share. An instance leases blocks of a window's allowance and counts
 * within them in memory; while the shared count cannot be had, it counts alone.
 */
export function createLeases({ lease, onTrouble, now = () => performance.now() }: Needs) {
  const windows = new Map<string, Window>()

  /** Counts one request: `current` is over `max` where it must be refused. */
  async function take(subject: string, windowMs: number, max: number) {
    const window = windowOf(subject)
    window.waiting += 1
    while (mustLease(window, max)) await (window.renewal ??= renew(subject, window, windowMs, max))
    window.waiting -= 1

    const isAlone = now() < window.aloneUntil
    const ttl = Math.max(1, window.endsAt - now())
    if (window.spent >= (isAlone ? max : window.leased)) return { current: max + 1, ttl }
    window.spent += 1
    const unspent = window.leased - window.spent
    return { current: isAlone ? window.spent : Math.min(max, window.taken) - unspent, ttl }
  }

  /** The same without counting or asking: over `max` only where this instance knows that no request is left. */
  function peek(subject: string, max: number) {
    const window = windows.get(subject)
    if (window === undefined || window.endsAt <= now()) return { current: 0, ttl: 0 }
    const isSpent =
      window.spent >= (window.aloneUntil > now() ? max : window.leased) && !mustLease(window, max)
    return { current: isSpent ? max + 1 : 0, ttl: Math.max(1, window.endsAt - now()) }
  }

  function windowOf(subject: string): Window {
    const known = windows.get(subject)
    if (known !== undefined) return known
    if (windows.size >= mostWindows) windows.delete(windows.keys().next().value as string)
    const window = { ...unused, endsAt: 0, waiting: 0, aloneUntil: 0, renewal: undefined }
    windows.set(subject, window)
    return window
  }

  function mustLease(window: Window, max: number): boolean {
    if (window.endsAt <= now()) Object.assign(window, unused)
    return window.spent >= window.leased && window.taken < max && window.aloneUntil <= now()
  }

  // Twice the last lease, so that an instance never holds more than it has used; at least what waits for it now.
  async function renew(subject: string, window: Window, windowMs: number, max: number): Promise<void> {
    const wanted = Math.min(2 * window.lastSize, Math.floor((max - window.taken) / part))
    const size = Math.max(window.waiting, wanted)
    try {
      const { taken, endsInMs } = await lease(subject, size, windowMs)
      window.leased += Math.min(size, Math.max(0, max - (taken - size)))
      window.taken = taken
      window.lastSize = size
      window.endsAt = now() + endsInMs
    } catch (error) {
      onTrouble(error)
      window.aloneUntil = now() + aloneMs
      if (window.endsAt <= now()) window.endsAt = now() + windowMs
    } finally {
      window.renewal = undefined
    }
  }

  return { take, peek }
}

const unused = { taken: 0, leased: 0, spent: 0, lastSize: 0 }
