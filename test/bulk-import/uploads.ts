import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Test } from 'tap'
import { createApp, type TestApp } from '../support/app.ts'

interface UploadAnswer {
  readonly status: number | undefined
  readonly retryAfter: string | undefined
  readonly body: unknown
}

interface Upload {
  readonly request: ClientRequest
  /** Sends a part of the body; returns when the connection has taken it. */
  readonly write: (text: string) => Promise<void>
  readonly answer: Promise<UploadAnswer>
}

/** A listening app, and `open`, which starts an import whose body the test sends in parts. */
export async function createImporter(t: Test) {
  const service = await createApp(t)
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  return { ...service, open: (key = service.key) => openUpload(t, service, key) }
}

function openUpload(t: Test, { app }: TestApp, key: string): Upload {
  const { port } = app.server.address() as AddressInfo
  const headers = { 'x-api-key': key, 'content-type': 'application/x-ndjson', connection: 'keep-alive' }
  const request = send({ host: '127.0.0.1', port, path: '/events/import', method: 'POST', headers })
  t.teardown(() => request.destroy())
  request.on('error', () => {})
  request.flushHeaders()
  const answer = readAnswer(request)
  // Tests need not await every answer.
  answer.catch(() => {})
  return {
    request,
    write: (text) =>
      new Promise((resolve, reject) => {
        request.write(text, (error) => (error ? reject(error) : resolve()))
      }),
    answer,
  }
}

async function readAnswer(request: ClientRequest): Promise<UploadAnswer> {
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const { statusCode: status, headers } = response
  return { status, retryAfter: headers['retry-after'], body: await json(response) }
}
