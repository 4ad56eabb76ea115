import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { Forbidden, RouteNotFound, Unauthenticated } from '../errors.ts'
import { hashApiKey } from './api-key.ts'

/** The API key of a request. */
export interface Caller {
  readonly id: string
  readonly scopes: readonly string[]
  /** The id of the first key in the chain of rotations that led to this key. */
  readonly lineage: string
  readonly rate_limit_max: number | null
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyContextConfig {
    /** The scope that a route needs. Default: `read` for GET and HEAD, `write` for other methods. */
    scope?: string
  }
}

export interface Authentication {
  readonly findCaller: (keyHash: Buffer) => Promise<Caller | undefined>
  /** Whether this instance has found the key valid before. */
  readonly isKnown: (keyHash: Buffer) => boolean
  /** Counts a request of a caller. Errors: 429 if the caller has none left. */
  readonly limitCaller: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Counts a request without a valid key. Errors: 429 if its address has none left. */
  readonly limitFailure: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Counts nothing. Errors: 429 if the address has no failed authentications left. */
  readonly refuseSpentAddress: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

const implied: Readonly<Record<string, readonly string[]>> = {
  admin: ['admin', 'write', 'read'],
  write: ['write', 'read'],
}

/**
 * Requires an API key with the right scope for the routes of this part of the app. A request is refused before its body is
 * read. Errors: 401, 403, 404 if no route matches, 429.
 */
export function authenticate(app: FastifyInstance, authentication: Authentication): void {
  const { limitCaller, limitFailure } = authentication
  app.decorateRequest('caller', null as never)
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('cache-control', 'no-store')
    const caller = await identify(authentication, request, reply)
    if (caller === undefined) {
      await limitFailure(request, reply)
      throw request.is404 ? new RouteNotFound() : new Unauthenticated()
    }
    request.caller = caller
    await limitCaller(request, reply)
    if (request.is404) throw new RouteNotFound()
    requireScope(caller, scopeOf(request.routeOptions))
  })
}

async function identify(
  { findCaller, isKnown, refuseSpentAddress }: Authentication,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Caller | undefined> {
  const header = request.headers['x-api-key']
  const keyHash = typeof header === 'string' ? hashApiKey(header) : undefined
  if (keyHash === undefined) return undefined
  // An address that guesses keys must not cause a query for each. A key that has worked here is not a guess.
  if (!isKnown(keyHash)) await refuseSpentAddress(request, reply)
  return findCaller(keyHash)
}

/** Errors: 403 unless a scope of the caller is this scope or implies it. */
export function requireScope({ scopes }: Pick<Caller, 'scopes'>, scope: string): void {
  const isHeld = scopes.some((held) => held === scope || implied[held]?.includes(scope))
  if (!isHeld) throw new Forbidden(scope)
}

/** The scope that a route needs. */
export function scopeOf({ config, method }: Pick<RouteOptions, 'config' | 'method'>): string {
  return config?.scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
}
