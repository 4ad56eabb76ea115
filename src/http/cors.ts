import type { FastifyInstance } from 'fastify'
import cors from '@fastify/cors'

/** Lets pages of these origins, a list with commas or `*`, call the service and read the headers that clients go by. */
export async function allowOrigins(app: FastifyInstance, list: string): Promise<void> {
  const origins = list.split(',').map((origin) => origin.trim())
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : origins,
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
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
