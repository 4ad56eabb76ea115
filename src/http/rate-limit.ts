import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import { type Kysely, sql } from 'kysely'
import type { Database } from '../database/tables.ts'
import { RateLimited } from '../errors.ts'
import { createLeases, type Taken } from './request-counter.ts'

interface Limits {
  readonly db: Kysely<Database>
  readonly max: number
  readonly windowMs: number
}

const failuresAMinute = 20
const pagesAMinute = 300

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
    limitCaller: async (request: FastifyRequest, reply: FastifyReply) =>
      apply(await countCaller(request), reply),
    limitFailure: async (request: FastifyRequest, reply: FastifyReply) =>
      apply(await countFailure(request), reply),
    async refuseSpentAddress(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const result = await countFailure(request, { increment: false })
      if (!result.isAllowed && result.isExceeded) apply(result, reply)
    },
  }
}

type Count = Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>

/** Says how many requests are left. Errors: 429 where none is. */
function apply(result: Count, reply: FastifyReply): void {
  if (result.isAllowed) return
  void reply.headers({
    'ratelimit-limit': result.max,
    'ratelimit-remaining': result.remaining,
    'ratelimit-reset': result.ttlInSeconds,
  })
  if (result.isExceeded) throw Object.assign(new RateLimited(), { retryAfter: result.ttlInSeconds })
}

/** Limits, by address and for this instance alone, the routes of this scope of the app, which need no key. */
export async function limitOpenRoutes(app: FastifyInstance): Promise<void> {
  await app.register(rateLimit, {
    max: pagesAMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { ttl }) =>
      Object.assign(new RateLimited(), { retryAfter: Math.ceil(ttl / 1000) }),
  })
}

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void

/** The plugin's store: counts that all instances share. Its trouble is logged and never a client's. */
function createStore({ log }: FastifyInstance, db: Kysely<Database>) {
  const onTrouble = (err: unknown) => log.warn({ err }, 'rate limits are counted by this instance alone')
  const { take, peek } = createLeases({ lease: (...lease) => leaseRequests(db, ...lease), onTrouble })
  const store = {
    incr(subject: string, answer: Answer, windowMs: number, max: number): void {
      take(subject, windowMs, max).then((count) => answer(null, count), answer)
    },
    read(subject: string, answer: Answer, _windowMs: number, max: number): void {
      answer(null, peek(subject, max))
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
