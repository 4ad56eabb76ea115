import { MalformedRequest, RequestTimeout } from '../errors.ts'
import type { Clock } from '../values/clock.ts'

const leastBytes = 32_768
const windowMs = 30_000
const longestMs = 3_600_000
const tooSlow = 'The upload is too slow: at least 32 kB must arrive every 30 seconds.'
const tooLong = 'The upload takes longer than an hour. Send the rest in another import.'

/**
 * Passes on the chunks of an upload. Only the time spent waiting for the client counts as slow, not the time in which
 * the service processes a chunk. Errors: 408 if fewer than 32 kB arrive in 30 s of waiting, or an hour after the start.
 */
export function withUploadTimeout(chunks: AsyncIterator<Buffer>, clock: Clock): AsyncGenerator<Buffer> {
  return passOn(chunks, clock, clock.now() + longestMs)
}

async function* passOn(chunks: AsyncIterator<Buffer>, clock: Clock, endsAt: number): AsyncGenerator<Buffer> {
  let waitedMs = 0
  let bytes = 0
  for (;;) {
    const askedAt = clock.now()
    const leftMs = endsAt - askedAt
    const limit =
      leftMs < windowMs - waitedMs
        ? { ms: leftMs, detail: tooLong }
        : { ms: windowMs - waitedMs, detail: tooSlow }
    const next = await nextWithin(chunks, clock, limit)
    if (next.done === true) return
    waitedMs += clock.now() - askedAt
    bytes += next.value.length
    if (bytes >= leastBytes) [waitedMs, bytes] = [0, 0]
    yield next.value
  }
}

async function nextWithin(
  chunks: AsyncIterator<Buffer>,
  clock: Clock,
  { ms, detail }: { readonly ms: number; readonly detail: string },
): Promise<IteratorResult<Buffer>> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const cancel = clock.after(Math.max(0, ms), () => reject(new RequestTimeout(detail)))
  const next = chunks.next().catch((cause: unknown) => {
    throw new MalformedRequest('The connection broke during the upload.', { cause })
  })
  return Promise.race([next, late]).finally(cancel)
}
