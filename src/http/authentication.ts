import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { Forbidden, Unauthenticated } from '../errors.ts'
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
  /** Counts a request of a caller; throws when it has none left. */
  readonly limitCaller: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
  /** Counts a request without a valid key; throws when its address has none left. */
  readonly limitFailure: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

const implied: Readonly<Record<string, readonly string[]>> = {
  admin: ['admin', 'write', 'read'],
  write: ['write', 'read'],
}

/**
 * Asks every route of this part of the app for an API key, and for the scope that the route needs. Requests that no
 * route takes are counted like the others and pass.
 */
export function authenticate(
  app: FastifyInstance,
  { findCaller, limitCaller, limitFailure }: Authentication,
): void {
  app.decorateRequest('caller', null as never)
  app.addHook('onRequest', async (request, reply) => {
    const header = request.headers['x-api-key']
    const keyHash = typeof header === 'string' ? hashApiKey(header) : undefined
    const caller = keyHash && (await findCaller(keyHash))
    if (caller === undefined) {
      await limitFailure(request, reply)
      if (request.is404) return
      throw new Unauthenticated()
    }
    request.caller = caller
    await limitCaller(request, reply)
    if (request.is404) return
    requireScope(caller, scopeOf(request.routeOptions))
  })
}

/** Errors: 403 naming the scope, unless one of the scopes held is it or implies it. */
export function requireScope({ scopes }: Pick<Caller, 'scopes'>, scope: string): void {
  const isHeld = scopes.some((held) => held === scope || implied[held]?.includes(scope))
  if (!isHeld) throw new Forbidden(scope)
}

export function scopeOf({ config, method }: Pick<RouteOptions, 'config' | 'method'>): string {
  return config?.scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'write')
}
