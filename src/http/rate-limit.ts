import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import rateLimit from '@fastify/rate-limit'
import { RateLimited } from '../errors.ts'

interface Limits {
  readonly max: number
  readonly windowMs: number
}

const failuresAMinute = 20

/** Limits callers by their key and failed authentications by their address. */
export async function limitRates(app: FastifyInstance, { max, windowMs }: Limits) {
  await app.register(rateLimit, { global: false })
  const countCaller = app.createRateLimit({
    max: ({ caller }: FastifyRequest) => caller.rate_limit_max ?? max,
    timeWindow: windowMs,
    keyGenerator: ({ caller }) => caller.id,
  })
  const countFailure = app.createRateLimit({
    max: failuresAMinute,
    timeWindow: 60_000,
    keyGenerator: ({ ip }) => `failed:${ip}`,
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
