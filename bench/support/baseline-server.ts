import { fastify } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import helmet from '@fastify/helmet'
import { Pool } from 'pg'
import { createCallers } from '../../src/api-keys/callers.ts'
import { connect } from '../../src/database/connect.ts'
import { authenticate } from '../../src/http/authentication.ts'
import { acceptOnlyJson } from '../../src/http/json.ts'
import { logController, logResponse } from '../../src/http/log.ts'
import { answerProblems } from '../../src/http/problems.ts'
import { limitRates } from '../../src/http/rate-limit.ts'
import { useStrictValidation } from '../../src/http/validation.ts'
import { resources } from '../../src/openapi/resources.ts'
import { naiveRoutes } from './naive-routes.ts'
import { noDatabaseRoutes } from './no-database-routes.ts'

// The HTTP layer of the service around other routes: node baseline-server.ts no-database|naive
const kind = process.argv[2]
const url = process.env['DATABASE_URL'] ?? ''
const db = connect({ url, max: 2, log: console })
const app = fastify({ logger: { level: 'error' }, logController }).withTypeProvider<TypeBoxTypeProvider>()

for (const resource of resources) app.addSchema(resource)
useStrictValidation(app)
acceptOnlyJson(app)
answerProblems(app)
app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id))
app.addHook('onResponse', logResponse)
await app.register(helmet)
const limits = await limitRates(app, { db, max: 1_000_000_000, windowMs: 60_000 })
await app.register(async (guarded) => {
  authenticate(guarded, { ...createCallers(db), ...limits })
  if (kind === 'no-database') await guarded.register(noDatabaseRoutes)
  else await guarded.register(naiveRoutes, { pool: new Pool({ connectionString: url, max: 10 }) })
})
console.log(`Listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
