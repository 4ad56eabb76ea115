import type { LightMyRequestResponse } from 'fastify'
import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { Readable } from 'node:stream'
import { issueKey } from '../../src/api-keys/issue.ts'
import { findLiveKey } from '../../src/api-keys/queries.ts'
import type { Scope } from '../../src/api-keys/schemas.ts'
import { tryLockIdempotencyKey } from '../../src/database/locks.ts'
import { hashApiKey } from '../../src/http/api-key.ts'
import type { Example } from '../../src/openapi/contract.ts'
import type { TestApp } from './app.ts'
import type { ListedOperation } from './openapi-document.ts'

export interface Request {
  readonly method: ListedOperation['method']
  readonly url: string
  readonly payload?: string
  readonly headers: Readonly<Record<string, string>>
}

/** The request of an example. */
export function toRequest(
  { method, path, operation }: ListedOperation,
  example: Example,
  key: string,
): Request {
  const { params = {}, query = {}, body } = example
  const text = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  )
  const type = mediaTypeOf(operation)
  return {
    method,
    url:
      path.replace(/\{(\w+)\}/g, (_, name: string) => String(params[name])) +
      (text.size > 0 ? `?${text.toString()}` : ''),
    ...(type !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { 'x-api-key': key, ...(type !== undefined && { 'content-type': type }) },
  }
}

function mediaTypeOf({ requestBody }: ListedOperation['operation']): string | undefined {
  return requestBody !== undefined && 'content' in requestBody
    ? Object.keys(requestBody.content)[0]
    : undefined
}

type Provoke = (
  service: TestApp,
  request: Request,
  listed: ListedOperation,
) => Promise<LightMyRequestResponse>

/** Sends the example of any operation so that the answer has this status. */
export const provokeByStatus: Readonly<Record<number, Provoke>> = {
  400: ({ app }, request, { path }) =>
    request.headers['content-type'] !== 'application/json'
      ? app.inject({ ...request, url: path.includes('{') ? withId(path, '%20') : `${path}?nonsense=1` })
      : app.inject({ ...request, payload: '{"nonsense":' }),
  401: ({ app }, request) =>
    app.inject({ ...withHeaders(request, { 'x-api-key': 'sk_wrong' }), remoteAddress: anotherAddress() }),
  403: async (service, request, { operation }) => {
    const scope: Scope = operation['x-scope'] === 'payouts:read' ? 'read' : 'payouts:read'
    return service.app.inject(withHeaders(request, { 'x-api-key': await givenKey(service, scope) }))
  },
  404: ({ app }, request, { path }) =>
    app.inject({ ...request, url: withId(path, 'nobody') + (/\?.*/.exec(request.url)?.[0] ?? '') }),
  408: async ({ app, clock }, request) => {
    const answer = app.inject({ ...request, payload: new Readable({ read() {} }) })
    await clock.waited()
    clock.pass(30_000)
    return answer
  },
  409: async (service, request, { operation }) => {
    if (operation.operationId === 'revokeApiKey') return revokeLastAdminKey(service, request)
    if (request.method === 'GET') return readUnpostedLedger(service, request)
    const { db, app } = service
    const path = request.url.split('?', 1)[0]
    const caller = await findLiveKey(db, hashApiKey(request.headers['x-api-key'] ?? '') as Buffer)
    const running = hash(
      'sha256',
      JSON.stringify([caller?.lineage, request.method, path, 'running']),
      'buffer',
    )
    return db.transaction().execute(async (trx) => {
      await tryLockIdempotencyKey(trx, running)
      return app.inject(withHeaders(request, { 'idempotency-key': 'running' }))
    })
  },
  413: ({ app }, request) => app.inject({ ...withHeaders(request, json), payload: 'x'.repeat(1_100_000) }),
  415: ({ app }, request) => app.inject(withHeaders(request, { 'content-type': 'text/plain' })),
  429: async (service, request, { operation }) => {
    if (operation['x-scope'] === undefined) return sendUntilLimited(service, request)
    const spent = withHeaders(request, { 'x-api-key': await givenKey(service, 'payouts:read', 1) })
    await service.app.inject(spent)
    return service.app.inject(spent)
  },
}

export function withHeaders(request: Request, headers: Readonly<Record<string, string>>): Request {
  return { ...request, headers: { ...request.headers, ...headers } }
}

/** The path with another id. */
export function withId(path: string, id: string): string {
  return path.replace(/\{\w+\}/, id)
}

const json = { 'content-type': 'application/json' }
let addresses = 0

// Failed authentications are limited per address.
function anotherAddress(): string {
  return `192.0.2.${++addresses}`
}

/** Routes without a key are limited per address. */
async function sendUntilLimited({ app }: TestApp, request: Request): Promise<LightMyRequestResponse> {
  const from = { ...request, remoteAddress: anotherAddress() }
  for (;;) {
    const answer = await app.inject(from)
    if (answer.statusCode === 429) return answer
  }
}

/** Statements are refused while a deal has posted nothing. */
async function readUnpostedLedger({ app, db }: TestApp, request: Request): Promise<LightMyRequestResponse> {
  await sql`
    insert into deals (id, amount_minor, currency, closed_date, closed_all_day, closed_on, attribution_model,
      model_parameters, version, submission)
    values ('unposted', 1, 'USD', '2024-01-01Z', false, '2024-01-01', 'equal', '{}', 1, '')
    on conflict (id) do update set commission_version = 0`.execute(db)
  const answer = await app.inject(request)
  await sql`update deals set commission_version = 1 where id = 'unposted'`.execute(db)
  return answer
}

async function revokeLastAdminKey({ app, db }: TestApp, request: Request): Promise<LightMyRequestResponse> {
  const key = request.headers['x-api-key'] ?? ''
  const own = await findLiveKey(db, hashApiKey(key) as Buffer)
  return app.inject({ ...request, url: `/api-keys/${own?.id}` })
}

async function givenKey({ db }: TestApp, scope: Scope, limit?: number): Promise<string> {
  const { key } = await issueKey(db, { name: scope, scopes: [scope], rate_limit_max: limit ?? null })
  return key
}
