import t from 'tap'
import { withUploadTimeout } from '../../src/http/upload-timeout.ts'
import { createClock } from '../support/clock.ts'

/** An upload whose chunks the test sends, read through `withUploadTimeout`. */
function createUpload() {
  const clock = createClock()
  const { readable, writable } = new TransformStream<Buffer, Buffer>()
  const writer = writable.getWriter()
  const paced = withUploadTimeout(readable[Symbol.asyncIterator](), clock)
  const send = async (bytes: number) => {
    const next = paced.next()
    await writer.write(Buffer.alloc(bytes))
    return next
  }
  return { clock, writer, paced, send }
}

t.test('an upload of 32 kB every 30 seconds continues', async (t) => {
  const { clock, paced, send, writer } = createUpload()

  for (let n = 0; n < 100; n++) {
    const next = paced.next()
    clock.pass(29_999)
    await writer.write(Buffer.alloc(16_384))
    await next
    await send(16_384)
  }

  t.equal(clock.now(), 2_999_900)
})

t.test('an upload of less than 32 kB in 30 seconds of waiting is refused', async (t) => {
  const { clock, paced, send, writer } = createUpload()

  await send(32_768)
  const second = paced.next()
  clock.pass(20_000)
  await writer.write(Buffer.alloc(32_767))
  await second
  const third = paced.next()
  clock.pass(9999)
  clock.pass(1)

  await t.rejects(third, { code: 'REQUEST_TIMEOUT', statusCode: 408, message: /at least 32 kB/ })
})

t.test('time in which the service does not read is not counted', async (t) => {
  const { clock, paced, send, writer } = createUpload()

  await send(1)
  clock.pass(600_000)
  await send(1)
  const next = paced.next()
  clock.pass(29_999)
  await writer.write(Buffer.alloc(1))

  t.match(await next, { done: false })
})

t.test('an upload that takes longer than an hour is refused, however fast it is', async (t) => {
  const { clock, paced, send } = createUpload()

  await send(32_768)
  clock.pass(3_599_999)
  await send(32_768)
  const next = paced.next()
  clock.pass(1)

  await t.rejects(next, { code: 'REQUEST_TIMEOUT', statusCode: 408, message: /longer than an hour/ })
})

t.test('an upload may end at any pace', async (t) => {
  const { clock, paced, send, writer } = createUpload()

  await send(1)
  const next = paced.next()
  clock.pass(29_999)
  await writer.close()

  t.match(await next, { done: true })
})

t.test('an upload that breaks off is refused as malformed', async (t) => {
  const { paced, writer } = createUpload()

  const next = paced.next()
  await Promise.all([
    t.rejects(next, { code: 'MALFORMED_REQUEST', message: 'The connection broke during the upload.' }),
    writer.abort(new Error('gone')),
  ])
})
