import { MalformedRequest, RequestTimeout } from '../errors.ts'

/** The time in milliseconds. The service runs on `systemClock`; tests move their own. */
export interface Clock {
  readonly now: () => number
  /** Calls back once after `ms`; returns a function that cancels the call. */
  readonly after: (ms: number, call: () => void) => () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

const leastBytes = 32_768
const windowMs = 30_000
const longestMs = 3_600_000
const tooSlow = 'The upload is too slow: at least 32 kB must arrive every 30 seconds.'
const tooLong = 'The upload takes longer than an hour. Send what is left in another import.'

/**
 * Passes the chunks of an upload on. Errors: 408 where fewer than 32 kB arrive in 30 s of waiting, or where the upload
 * takes longer than an hour from now. The time in which nobody asks for a chunk is not the client's and does not count.
 */
export function keepPace(chunks: AsyncIterator<Buffer>, clock: Clock): AsyncGenerator<Buffer> {
  const endsAt = clock.now() + longestMs
  return watch(chunks, clock, endsAt)
}

async function* watch(chunks: AsyncIterator<Buffer>, clock: Clock, endsAt: number): AsyncGenerator<Buffer> {
  let waitedMs = 0
  let bytes = 0
  for (;;) {
    const askedAt = clock.now()
    const leftMs = endsAt - askedAt
    const limit =
      leftMs < windowMs - waitedMs
        ? { ms: leftMs, sentence: tooLong }
        : { ms: windowMs - waitedMs, sentence: tooSlow }
    const next = await arriveWithin(chunks, clock, limit)
    if (next.done === true) return
    waitedMs += clock.now() - askedAt
    bytes += next.value.length
    if (bytes >= leastBytes) [waitedMs, bytes] = [0, 0]
    yield next.value
  }
}

async function arriveWithin(
  chunks: AsyncIterator<Buffer>,
  clock: Clock,
  { ms, sentence }: { readonly ms: number; readonly sentence: string },
): Promise<IteratorResult<Buffer>> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const cancel = clock.after(Math.max(0, ms), () => reject(new RequestTimeout(sentence)))
  const next = chunks.next().catch((cause: unknown) => {
    throw new MalformedRequest('The upload broke off.', { cause })
  })
  return Promise.race([next, late]).finally(cancel)
}
