import { setTimeout } from 'node:timers/promises'
import type { Connection } from './connection.ts'

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * Sends one request, as often as it takes to be answered; safe for what has an id of the client's. A body is an object,
 * sent as JSON, or the text of its lines, sent as NDJSON.
 */
export type Call = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object | string,
) => Promise<Answer>

interface Options extends Connection {
  /** How long a service may be away before we give up. */
  readonly patienceMs: number
  /** Tells the user what is being waited for. */
  readonly say: (sentence: string) => void
}

const mediaTypes = { object: 'application/json', lines: 'application/x-ndjson' }
const answerWithinMs = 60_000
const longestPauseMs = 2_000
const worthAWordMs = 2_000
const lostConnection =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|UND_ERR_(?:SOCKET|.*TIMEOUT))$/

/** A client that waits out a rate limit, a busy service, and one that restarts. */
export function createCall({ url, key, patienceMs, say }: Options): Call {
  let heardAt = 0
  let told = ''
  // Requests that run side by side meet the same trouble; one of them says it.
  const tell = (sentence: string) => {
    if (sentence !== told) say(sentence)
    told = sentence
  }

  return async (method, path, body) => {
    const isLines = typeof body === 'string'
    const request: RequestInit = {
      method,
      redirect: 'error',
      headers: {
        'x-api-key': key,
        ...(body && { 'content-type': isLines ? mediaTypes.lines : mediaTypes.object }),
      },
      ...(body && { body: isLines ? body : JSON.stringify(body) }),
    }
    let failedAt: number | undefined
    for (let tries = 0; ; tries += 1) {
      const result = await attempt(`${url}${path}`, request)
      const pauseMs = result.retryAfterMs ?? Math.min(125 * 2 ** tries, longestPauseMs)
      if (!('away' in result)) heardAt = performance.now()
      if ('status' in result) {
        told = ''
        return accept(result, url)
      }
      if (!('away' in result)) {
        // The service says when it will go on, so this wait is not a matter of patience.
        if (pauseMs >= worthAWordMs) tell(aboutLimit(pauseMs))
        await setTimeout(pauseMs)
        continue
      }
      failedAt ??= performance.now()
      const leftMs = patienceMs - (performance.now() - Math.max(failedAt, heardAt))
      if (leftMs <= 0 || result.isHopeless) throw new Error(`${url} ${result.away}.`)
      tell(`${url} ${result.away}; trying again for up to ${Math.round(patienceMs / 1000)} s.`)
      await setTimeout(Math.min(pauseMs, leftMs))
    }
  }
}

type Attempt = { readonly retryAfterMs?: number | undefined } & (
  | Answer
  | { readonly isLimited: true }
  | { readonly away: string; readonly isHopeless?: boolean }
)

async function attempt(url: string, request: RequestInit): Promise<Attempt> {
  try {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(answerWithinMs) })
    const { status, headers } = response
    const retryAfter = headers.get('retry-after')
    const retryAfterMs = retryAfter === null ? undefined : Number(retryAfter) * 1000 || undefined
    const body = parseObject(await response.text())
    if (status === 429) return { isLimited: true, retryAfterMs }
    const isTransient = [502, 503, 504].includes(status) && body['code'] !== 'payout_keys_missing'
    return isTransient ? { away: `answers ${status}`, retryAfterMs } : { status, body, retryAfterMs }
  } catch (error) {
    const { name, message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException }
    const { code = name, message: detail = message } = cause ?? {}
    if (name === 'TimeoutError' || lostConnection.test(code)) return { away: `does not answer (${code})` }
    return { away: `cannot be reached (${detail})`, isHopeless: true }
  }
}

function parseObject(text: string): Answer['body'] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function aboutLimit(ms: number): string {
  return (
    `The rate limit of this key is used up; going on in ${Math.ceil(ms / 1000)} s. A key with a higher one: ` +
    'npm run keys -- create --name import --scopes write --limit 1000000'
  )
}

/** What no other row could change is not an answer about this one. */
function accept({ status, body }: Answer, url: string): Answer {
  if (status === 401 || status === 403) throw new Error(`${url} refuses the key: ${String(body['detail'])}`)
  const isOurs = status < 300 || typeof body['code'] === 'string'
  if (!isOurs || body['code'] === 'route_not_found')
    throw new Error(`${url} is not this service: it answers ${status}.`)
  return { status, body }
}

/** What a refusal says, fault by fault where it names them. */
export function reasonOf(body: Answer['body']): string {
  const faults = faultsOf(body).map(({ pointer, detail }) => `${pointer}: ${detail}`)
  return faults.length > 0 ? faults.join(' ') : String(body['detail'])
}

function faultsOf({ errors }: Answer['body']): readonly { pointer: string; detail: string }[] {
  return Array.isArray(errors) ? (errors as { pointer: string; detail: string }[]) : []
}
