import type { TestApp } from '../app.ts'

export interface Reply {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Sends a request to one instance of the service. */
export type Send = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH',
  path: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
) => Promise<Reply>

/** Sends to an instance in this process. Another instance may have issued the key. */
export function sendTo({ call }: TestApp, key: string): Send {
  return async (method, path, body, headers) => {
    const answer = await call(method, path, body, { 'x-api-key': key, ...headers })
    return { status: answer.statusCode, body: answer.json() }
  }
}

export function sendOverHttp(addressOf: () => string, key: string): Send {
  return async (method, path, body, headers = {}) => {
    const answer = await fetch(new URL(path, addressOf()), {
      method,
      headers: {
        'x-api-key': key,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
}

/** Retries while the service answers 503. */
export function retryWhileBusy(send: Send): Send {
  return async (...request) => {
    const reply = await send(...request)
    return reply.status === 503 ? retryWhileBusy(send)(...request) : reply
  }
}
