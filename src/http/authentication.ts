import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { Forbidden, RouteNotFound, Unauthenticated } from '../errors.ts'
import { hashApiKey } from './api-key.ts'

/** Who sends a request: the API key behind it. */
export interface Caller {
  readonly id: string
  readonly scopes: readonly string[]
  /** The id of the first key of the chain of rotations that this key belongs to. */
  readonly lineage: string
  readonly rate_limit_max: number | null
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller
  }
  interface FastifyContextConfig {
    /** The scope that a route needs; `read` for GET and `write` for the rest unless it says otherwise. */
    scope?: string
  }
}

export interface Authentication {
  readonly findCaller: (keyHash: Buffer) => Promise<Caller | undefined>
  /** Whether this instance has found the key valid before. */
  readonly isKnown: (keyHash: Buffer) => boolean
  /** Counts a request of a caller; throws when it has none left. */
  readonly limitCaller: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Counts a request without a valid key; throws when its address has none left. */
  readonly limitFailure: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Throws when the address has no failures left; counts nothing. */
  readonly refuseSpentAddress: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

const implied: Readonly<Record<string, readonly string[]>> = {
  admin: ['admin', 'write', 'read'],
  write: ['write', 'read'],
}

/**
 * Asks every route of this part of the app for an API key, and for the scope that the route needs. A request without
 * them, and one that no route takes, is answered before its body is read.
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
  // A made-up key must not cost a query each time. A key that has worked here is no guess, whoever shares its address.
  if (!isKnown(keyHash)) await refuseSpentAddress(request, reply)
  return findCaller(keyHash)
}

/** Errors: 403 naming the scope, unless one of the scopes held is it or implies it. */
export function requireScope({ scopes }: Pick<Caller, 'scopes'>, scope: string): void {
  const isHeld = scopes.some((held) => held === scope || implied[held]?.includes(scope))
  if (!isHeld) throw new Forbidden(scope)
}

export function scopeOf({ config, method }: Pick<RouteOptions, 'config' | 'method'>): string {
  return config?.scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
}
