import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { RateLimited } from '../errors.ts'
import { createLeases, type Taken } from './leases.ts'

interface Limits {
  readonly db: Kysely<Database>
  readonly max: number
  readonly windowMs: number
}

const failuresAMinute = 20
const sweepEveryMs = 3_600_000

/** Limits callers by their key and failed authentications by their address. */
export async function limitRates(app: FastifyInstance, { db, max, windowMs }: Limits) {
  const store = createStore(app, db)
  // The plugin makes stores with `new`, one for each limit; ours is the same for all of them.
  await app.register(rateLimit, {
    global: false,
    store: function Store() {
      return store
    } as never,
  })
  const countCaller = app.createRateLimit({
    max: ({ caller }: FastifyRequest) => caller.rate_limit_max ?? max,
    timeWindow: windowMs,
    keyGenerator: ({ caller }) => caller.id,
  })
  const countFailure = app.createRateLimit({
    max: failuresAMinute,
    timeWindow: 60_000,
    keyGenerator: ({ ip }) => `failed:${normalizeIP(ip)}`,
  })
  return {
    limitCaller: (request: FastifyRequest, reply: FastifyReply) => limit(countCaller, request, reply),
    limitFailure: (request: FastifyRequest, reply: FastifyReply) => limit(countFailure, request, reply),
  }
}

type Count = ReturnType<FastifyInstance['createRateLimit']>

async function limit(count: Count, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const result = await count(request)
  if (result.isAllowed) return
  void reply.headers({
    'ratelimit-limit': result.max,
    'ratelimit-remaining': result.remaining,
    'ratelimit-reset': result.ttlInSeconds,
  })
  if (result.isExceeded) throw Object.assign(new RateLimited(), { retryAfter: result.ttlInSeconds })
}

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void

/** The plugin's store: counts that all instances share. Its trouble is logged and never a client's. */
function createStore({ log }: FastifyInstance, db: Kysely<Database>) {
  const onTrouble = (err: unknown) => log.warn({ err }, 'rate limits are counted by this instance alone')
  const { take } = createLeases({ lease: (...lease) => leaseRequests(db, ...lease), onTrouble })
  let sweptAt = performance.now()
  const store = {
    incr(subject: string, answer: Answer, windowMs: number, max: number): void {
      if (performance.now() - sweptAt > sweepEveryMs) {
        sweptAt = performance.now()
        forgetOldWindows(db).catch(onTrouble)
      }
      take(subject, windowMs, max).then((count) => answer(null, count), answer)
    },
    child: () => store,
  }
  return store
}

/** Takes requests from a subject's window. The clock is the database's, so instances need not agree on theirs. */
async function leaseRequests(
  db: Kysely<Database>,
  subject: string,
  size: number,
  windowMs: number,
): Promise<Taken> {
  const window = sql`make_interval(secs => ${windowMs / 1000})`
  const isOver = sql`held.ends_at <= excluded.ends_at - ${window}`
  const { rows } = await sql<{ taken: bigint; ends_in_ms: number }>`
    insert into rate_limits as held (subject, ends_at, taken)
    values (${subject}, clock_timestamp() + ${window}, ${size})
    on conflict (subject) do update set
      ends_at = case when ${isOver} then excluded.ends_at else held.ends_at end,
      taken = case when ${isOver} then 0 else held.taken end + excluded.taken
    returning taken, (extract(epoch from ends_at - clock_timestamp()) * 1000)::float8 as ends_in_ms`.execute(
    db,
  )
  const [row] = rows
  if (row === undefined) throw new Error('A lease of requests returned no row.')
  return { taken: Number(row.taken), endsInMs: row.ends_in_ms }
}

/** Deletes the counts of windows that are over; returns how many. */
export async function forgetOldWindows(db: Kysely<Database>): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('rate_limits')
    .where('ends_at', '<=', sql<string>`clock_timestamp()`)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}
