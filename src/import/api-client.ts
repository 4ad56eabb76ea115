import { setTimeout } from 'node:timers/promises'
import type { ServiceAccess } from './service-access.ts'

export interface ApiResponse {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/**
 * Sends one request, and repeats it until the service answers. That is safe for a body with an id of the client. An object
 * is sent as JSON; a string holds lines and is sent as NDJSON. Throws if the service stays unreachable, refuses the key or
 * is another server.
 */
export type CallApi = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: object | string,
) => Promise<ApiResponse>

interface ApiClientOptions extends ServiceAccess {
  /** How long the service may be unreachable before a call fails. */
  readonly patienceMs: number
  /** Tells the user why a call waits. */
  readonly notify: (sentence: string) => void
  /** Ends every call with its reason. */
  readonly signal: AbortSignal
}

const mediaTypes = { object: 'application/json', lines: 'application/x-ndjson' }
const timeoutMs = 60_000
const longestPauseMs = 2_000
const longWaitMs = 2_000
const lostConnection =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|UND_ERR_(?:SOCKET|.*TIMEOUT))$/

/** Makes a client that waits while a rate limit is used up and while the service is busy or restarts. */
export function createApiClient({ url, key, patienceMs, notify, signal }: ApiClientOptions): CallApi {
  let answeredAt = 0
  let lastNotice = ''
  // Concurrent requests meet the same outage; only the first one reports it.
  const notifyOnce = (sentence: string) => {
    if (sentence !== lastNotice) notify(sentence)
    lastNotice = sentence
  }
  const pause = (ms: number) => setTimeout(ms, undefined, { signal }).catch(() => signal.throwIfAborted())

  return async (method, path, body) => {
    const request = { ...toRequest(key, body), method }
    let failedAt: number | undefined
    for (let tries = 0; ; tries += 1) {
      const result = await attempt(`${url}${path}`, request, signal)
      const pauseMs = result.retryAfterMs ?? Math.min(125 * 2 ** tries, longestPauseMs)
      if (!('failure' in result)) answeredAt = performance.now()
      if ('status' in result) {
        lastNotice = ''
        return confirmService(result, url)
      }
      if (!('failure' in result)) {
        // A rate limit is not an outage: the service says when it ends, so `patienceMs` does not count.
        if (pauseMs >= longWaitMs) notifyOnce(describeLimit(pauseMs))
        await pause(pauseMs)
        continue
      }
      failedAt ??= performance.now()
      const leftMs = patienceMs - (performance.now() - Math.max(failedAt, answeredAt))
      if (leftMs <= 0 || result.isPermanent) throw new Error(`${url} ${result.failure}.`)
      notifyOnce(`${url} ${result.failure}; retrying for up to ${Math.round(patienceMs / 1000)} s.`)
      await pause(Math.min(pauseMs, leftMs))
    }
  }
}

function toRequest(key: string, body?: object | string): RequestInit {
  const isLines = typeof body === 'string'
  return {
    redirect: 'error',
    headers: {
      'x-api-key': key,
      ...(body && { 'content-type': isLines ? mediaTypes.lines : mediaTypes.object }),
    },
    ...(body && { body: isLines ? body : JSON.stringify(body) }),
  }
}

type Attempt = { readonly retryAfterMs?: number | undefined } & (
  | ApiResponse
  | { readonly isLimited: true }
  | { readonly failure: string; readonly isPermanent?: boolean }
)

async function attempt(url: string, request: RequestInit, signal: AbortSignal): Promise<Attempt> {
  try {
    const response = await fetch(url, {
      ...request,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    })
    const { status, headers } = response
    const retryAfter = headers.get('retry-after')
    const retryAfterMs = retryAfter === null ? undefined : Number(retryAfter) * 1000 || undefined
    const body = parseObject(await response.text())
    if (status === 429) return { isLimited: true, retryAfterMs }
    const isTransient = [502, 503, 504].includes(status) && body['code'] !== 'payout_keys_missing'
    return isTransient ? { failure: `answers ${status}`, retryAfterMs } : { status, body, retryAfterMs }
  } catch (error) {
    signal.throwIfAborted()
    const { name, message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException }
    const { code = name, message: detail = message } = cause ?? {}
    if (name === 'TimeoutError' || lostConnection.test(code)) return { failure: `does not answer (${code})` }
    return { failure: `cannot be reached (${detail})`, isPermanent: true }
  }
}

function parseObject(text: string): ApiResponse['body'] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function describeLimit(ms: number): string {
  return (
    `The rate limit of this API key is used up; continuing in ${Math.ceil(ms / 1000)} s. To create a key with a higher limit: ` +
    'npm run keys -- create --name import --scopes write --limit 1000000'
  )
}

/** Errors that every row would meet (bad key, wrong URL) stop the import. */
function confirmService({ status, body }: ApiResponse, url: string): ApiResponse {
  if (status === 401 || status === 403) throw new Error(`${url} refuses the key: ${String(body['detail'])}`)
  const isOurs = status < 300 || typeof body['code'] === 'string'
  if (!isOurs || body['code'] === 'route_not_found')
    throw new Error(`${url} is not this service: it answers ${status}.`)
  return { status, body }
}

/** The faults that a problem lists, or its detail if it lists none. */
export function reasonOf(body: ApiResponse['body']): string {
  const faults = faultsOf(body).map(({ pointer, detail }) => `${pointer}: ${detail}`)
  return faults.length > 0 ? faults.join(' ') : String(body['detail'])
}

export function faultsOf({ errors }: ApiResponse['body']): readonly { pointer: string; detail: string }[] {
  return Array.isArray(errors) ? (errors as { pointer: string; detail: string }[]) : []
}
