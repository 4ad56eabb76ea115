import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import { type Kysely, sql } from 'kysely'
import { deleteInBatches } from '../database/delete-in-batches.ts'
import type { Database } from '../database/tables.ts'
import { RateLimited } from '../errors.ts'
import { createRequestCounter, type Lease, type SharedCount } from './request-counter.ts'

interface RateLimits {
  readonly db: Kysely<Database>
  readonly max: number
  readonly windowMs: number
}

const failuresAMinute = 20
const pagesAMinute = 300

/** Makes the limits of callers (by API key) and of failed authentications (20 a minute by address). */
export async function limitRates(app: FastifyInstance, { db, max, windowMs }: RateLimits) {
  const store = createStore(app, db)
  // The plugin calls `new` on the store for each limit. Returning an object from it makes all limits share one store.
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

type PluginCount = Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>

/** Sets the RateLimit headers. Errors: 429 if no request is left. */
function apply(result: PluginCount, reply: FastifyReply): void {
  if (result.isAllowed) return
  void reply.headers({
    'ratelimit-limit': result.max,
    'ratelimit-remaining': result.remaining,
    'ratelimit-reset': result.ttlInSeconds,
  })
  if (result.isExceeded) throw Object.assign(new RateLimited(), { retryAfter: result.ttlInSeconds })
}

/** Limits the routes of this part of the app, which need no API key, by address and for this instance alone. */
export async function limitOpenRoutes(app: FastifyInstance): Promise<void> {
  await app.register(rateLimit, {
    max: pagesAMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { ttl }) =>
      Object.assign(new RateLimited(), { retryAfter: Math.ceil(ttl / 1000) }),
  })
}

type StoreCallback = (error: Error | null, result?: { current: number; ttl: number }) => void

/** The store of the plugin, with counts that all instances share. If the database fails, that is logged, and not answered. */
function createStore({ log }: FastifyInstance, db: Kysely<Database>) {
  const { take, peek } = createRequestCounter({
    lease: (lease) => leaseRequests(db, lease),
    onLeaseFailed: (err) => log.warn({ err }, 'rate limits are counted by this instance alone'),
  })
  const store = {
    incr(subject: string, answer: StoreCallback, windowMs: number, max: number): void {
      take(subject, windowMs, max).then((count) => answer(null, count), answer)
    },
    read(subject: string, answer: StoreCallback, _windowMs: number, max: number): void {
      answer(null, peek(subject, max))
    },
    child: () => store,
  }
  return store
}

/** Takes requests from the window of a subject. Times are those of the database, because the clocks of instances differ. */
async function leaseRequests(db: Kysely<Database>, { subject, size, windowMs }: Lease): Promise<SharedCount> {
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

/** Deletes the windows that have ended. Returns their number. */
export function forgetOldWindows(db: Kysely<Database>): Promise<number> {
  return deleteInBatches(db, 'rate_limits', sql`ends_at <= clock_timestamp()`)
}
