import type { FastifyInstance } from 'fastify'
import cors from '@fastify/cors'

/** Allows pages of these origins to call the service and to read its headers. `list` is comma-separated, or `*`. */
export async function allowOrigins(app: FastifyInstance, list: string): Promise<void> {
  const origins = list.split(',').map((origin) => origin.trim())
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : origins,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'X-Request-Id',
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
      'Retry-After',
      'Idempotency-Replayed',
    ],
    maxAge: 600,
  })
}
