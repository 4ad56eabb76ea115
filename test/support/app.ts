import type { FastifyBaseLogger, FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Kysely } from 'kysely'
import type { Test } from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import type { NewApiKey } from '../../src/api-keys/schemas.ts'
import { buildApp, type Config } from '../../src/app.ts'
import { readEnvironment } from '../../src/config.ts'
import { connect } from '../../src/database/connect.ts'
import type { Database } from '../../src/database/tables.ts'
import { type Calendar, createCalendar } from '../../src/values/calendar.ts'
import { parsePayoutKeys } from '../../src/partners/vault.ts'
import { createClock, type TestClock } from './clock.ts'
import { createDatabase } from './database.ts'
import { quietLog } from './log.ts'

export interface TestApp {
  readonly app: FastifyInstance
  readonly db: Kysely<Database>
  readonly url: string
  /** Sends a request with a key that has all scopes, unless `headers` sets another. */
  readonly call: (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
    headers?: object,
  ) => Answer
  readonly key: string
  readonly calendar: Calendar
  /** The clock that imports use. */
  readonly clock: TestClock
}
type Answer = Promise<LightMyRequestResponse>

const allScopes: NewApiKey['scopes'] = ['admin', 'payouts:read', 'payouts:write', 'payments:approve']
const payoutKeys = parsePayoutKeys(`test:${Buffer.alloc(32, 7).toString('base64')}`)
interface Settings {
  readonly config?: Partial<Config>
  readonly log?: FastifyBaseLogger
  /** The database of another instance, to share it. */
  readonly url?: string
}

/** The production app, on a new database unless `url` is given. Without the documentation, whose compression takes 0.4 s. */
export async function createApp(t: Test, { config = {}, log, url }: Settings = {}): Promise<TestApp> {
  const database = url ?? (await createDatabase(t)).url
  const db = connect({ url: database, max: 10, log: quietLog })
  const clock = createClock()
  const settings = { ...readEnvironment({}), DOCS: 'off', payoutKeys, clock, ...config } as const
  const app = await buildApp(settings, db, log)
  t.teardown(async () => {
    await app.close()
    await db.destroy()
  })
  const { key } = await issueKey(db, { name: 'test', scopes: allScopes, rate_limit_max: 1_000_000_000 })
  const call: TestApp['call'] = (method, path, body, headers) => {
    const request: InjectOptions = { method, url: path, headers: { 'x-api-key': key, ...headers } }
    return app.inject(body === undefined ? request : { ...request, payload: body })
  }
  return { app, db, url: database, call, key, clock, calendar: createCalendar(settings.TIME_ZONE) }
}
