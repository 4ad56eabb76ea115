/** A block of requests that an instance takes from the shared count of a subject's window. */
export interface Lease {
  readonly subject: string
  readonly size: number
  readonly windowMs: number
}

/** The shared count after a lease: the requests that all instances have taken, and the time until the window ends. */
export interface SharedCount {
  readonly taken: number
  readonly endsInMs: number
}

interface RequestCounterOptions {
  /** Adds a lease to the shared count. Starts a new window if the previous one has ended. */
  readonly lease: (lease: Lease) => Promise<SharedCount>
  readonly onLeaseFailed: (error: unknown) => void
  readonly now?: () => number
}

/** The window of a subject as this instance sees it. Times are those of `now`. */
interface RequestWindow {
  endsAt: number
  /** Requests that all instances have taken from the shared count, as of the last lease of this instance. */
  taken: number
  /** Requests that this instance has leased, and those of them that it has used. */
  leased: number
  used: number
  lastSize: number
  /** Requests that wait for a lease. */
  waiting: number
  /** Until then this instance counts alone, because a lease failed. */
  aloneUntil: number
  renewal: Promise<void> | undefined
}

/** The count after a request, or `max + 1` if the request must be refused, and the milliseconds until the window ends. */
interface Count {
  readonly current: number
  readonly ttl: number
}

// A lease is at most a tenth of the rest of the limit, so leases get smaller as the limit comes near.
const leasePart = 10
const aloneMs = 1000
const mostWindows = 10_000
const unused = { taken: 0, leased: 0, used: 0, lastSize: 0 }

/**
 * Counts requests against limits that all instances share. An instance leases blocks of requests and counts within them in
 * memory. If a lease fails, it counts alone for a second. Keeps at most 10,000 windows; the oldest is dropped.
 */
export function createRequestCounter({
  lease,
  onLeaseFailed,
  now = () => performance.now(),
}: RequestCounterOptions) {
  const windows = new Map<string, RequestWindow>()

  /** Counts a request. */
  async function take(subject: string, windowMs: number, max: number): Promise<Count> {
    const window = findOrAddWindow(windows, subject)
    window.waiting += 1
    while (mustLease(window, max, now())) await (window.renewal ??= renew(window, { subject, windowMs, max }))
    window.waiting -= 1

    const isAlone = now() < window.aloneUntil
    const ttl = Math.max(1, window.endsAt - now())
    if (window.used >= (isAlone ? max : window.leased)) return { current: max + 1, ttl }
    window.used += 1
    const unusedOfLease = window.leased - window.used
    return { current: isAlone ? window.used : Math.min(max, window.taken) - unusedOfLease, ttl }
  }

  /** Counts nothing and takes no lease. Above `max` only if this instance knows that no request is left. */
  function peek(subject: string, max: number): Count {
    const window = windows.get(subject)
    if (window === undefined || window.endsAt <= now()) return { current: 0, ttl: 0 }
    const isUsed =
      window.used >= (window.aloneUntil > now() ? max : window.leased) && !mustLease(window, max, now())
    return { current: isUsed ? max + 1 : 0, ttl: Math.max(1, window.endsAt - now()) }
  }

  // The size is twice the last lease, so that an instance never holds more than it has used, but at least the number of
  // waiting requests.
  async function renew(
    window: RequestWindow,
    { subject, windowMs, max }: { readonly subject: string; readonly windowMs: number; readonly max: number },
  ): Promise<void> {
    const wanted = Math.min(2 * window.lastSize, Math.floor((max - window.taken) / leasePart))
    const size = Math.max(window.waiting, wanted)
    try {
      const { taken, endsInMs } = await lease({ subject, size, windowMs })
      window.leased += Math.min(size, Math.max(0, max - (taken - size)))
      window.taken = taken
      window.lastSize = size
      window.endsAt = now() + endsInMs
    } catch (error) {
      onLeaseFailed(error)
      window.aloneUntil = now() + aloneMs
      if (window.endsAt <= now()) window.endsAt = now() + windowMs
    } finally {
      window.renewal = undefined
    }
  }

  return { take, peek }
}

function findOrAddWindow(windows: Map<string, RequestWindow>, subject: string): RequestWindow {
  const known = windows.get(subject)
  if (known !== undefined) return known
  if (windows.size >= mostWindows) windows.delete(windows.keys().next().value as string)
  const window = { ...unused, endsAt: 0, waiting: 0, aloneUntil: 0, renewal: undefined }
  windows.set(subject, window)
  return window
}

/** Whether the next request needs a lease. Starts the window again if it has ended. */
function mustLease(window: RequestWindow, max: number, now: number): boolean {
  if (window.endsAt <= now) Object.assign(window, unused)
  return window.used >= window.leased && window.taken < max && window.aloneUntil <= now
}
