import { type Agent, type IncomingMessage, request as open, type RequestOptions } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface AttackRequest {
  readonly method?: string
  readonly path: string
  readonly key?: string
  readonly type?: string
  readonly body?: string | Buffer | Iterable<string | Buffer> | AsyncIterable<string | Buffer>
  /** The client address, sent as X-Forwarded-For. */
  readonly address?: string
  /** Disconnects after this time. */
  readonly hangUpAfterMs?: number
}

/** An answer: its status, or `cut` if the connection ended without one, and the beginning of its body. */
export interface AttackAnswer {
  readonly status: number | 'cut'
  readonly text: string
  readonly bytes: number
}

const keptBytes = 300_000
const json = 'application/json'

export async function send(
  { url, agent }: { readonly url: URL; readonly agent: Agent },
  { method = 'GET', path, key, type = json, body, address, hangUpAfterMs }: AttackRequest,
): Promise<AttackAnswer> {
  const options: RequestOptions = {
    agent,
    host: url.hostname,
    port: url.port,
    path,
    method,
    headers: {
      ...(key !== undefined && { 'x-api-key': key }),
      ...(address !== undefined && { 'x-forwarded-for': address }),
      ...(body !== undefined && { 'content-type': type }),
      ...((typeof body === 'string' || Buffer.isBuffer(body)) && {
        'content-length': Buffer.byteLength(body),
      }),
    },
  }
  const request = open(options)
  const answer = new Promise<AttackAnswer>((resolve) => {
    const cut = () => resolve({ status: 'cut', text: '', bytes: 0 })
    request.once('response', (response) => void read(response).then(resolve, cut))
    // An answer that has arrived counts, even if the connection then breaks.
    request.on('error', () => setImmediate(cut))
    request.once('close', () => setImmediate(cut))
  })
  const timer = hangUpAfterMs === undefined ? undefined : setTimeout(() => request.destroy(), hangUpAfterMs)
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) request.end(body)
  else pipeline(Readable.from(body, { objectMode: false }), request).catch(() => {})
  return answer.finally(() => clearTimeout(timer))
}

async function read(response: IncomingMessage): Promise<AttackAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (bytes < keptBytes) chunks.push(chunk)
    bytes += chunk.length
  }
  return { status: response.statusCode ?? 'cut', text: Buffer.concat(chunks).toString(), bytes }
}

let addresses = 0

/** An address that has not been used before. */
export function newAddress(): string {
  addresses += 1
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`
}
