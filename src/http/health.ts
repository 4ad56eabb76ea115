import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { setTimeout } from 'node:timers/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Unavailable } from '../errors.ts'
import { Problem } from '../values/problem.ts'
import { OneOf, ref } from '../values/schemas.ts'

interface Needs {
  /** Whether the database answers and its schema is this release's. */
  readonly isReady: () => Promise<boolean>
  /** For how long an app that closes goes on serving, for the balancer to notice. */
  readonly drainMs: number
  readonly models: readonly string[]
}

export const Index = Type.Object(
  {
    name: Type.String(),
    documentation: Type.String(),
    endpoints: Type.Array(Type.String()),
    attribution_models: Type.Array(Type.String()),
  },
  { $id: 'Index' },
)

export const Health = Type.Object({ status: OneOf(['ok']) }, { $id: 'Health' })

export const Readiness = Type.Object({ status: OneOf(['ready']) }, { $id: 'Readiness' })

// Balancers and monitors ask often, and several may share an address.
const config = { rateLimit: { max: 6000 } }
const freshMs = 1000

const tags = ['Service']
const security: [] = []

const getIndex = {
  operationId: 'getIndex',
  summary: 'What this service offers',
  description: 'The name of the service, where it is documented, its endpoints and its attribution models.',
  tags,
  security,
  response: { 200: ref(Index), 429: ref(Problem) },
}

const getHealth = {
  operationId: 'getHealth',
  summary: 'Whether the process is alive; asks nothing of the database',
  description:
    'Says that the process runs. It does not ask the database: a restart would not bring that back.',
  tags,
  security,
  response: { 200: ref(Health), 429: ref(Problem) },
}

const getReadiness = {
  operationId: 'getReadiness',
  summary: 'Whether to send requests here',
  description:
    'Says that the database answers, has the schema of this release, and no shutdown has begun. A balancer sends requests where this is a 200.',
  tags,
  security,
  response: { 200: ref(Readiness), 429: ref(Problem), 503: ref(Problem) },
}

export const health: FastifyPluginAsyncTypebox<Needs> = async (app, needs) => {
  const { drainMs, models } = needs
  const isReady = askOnceASecond(needs.isReady)
  let isAsked = false
  let isDraining = false
  // Fastify answers with `Connection: close` from here on. Where nobody asks for readiness there is nobody to wait for.
  app.addHook('preClose', async () => {
    isDraining = true
    if (isAsked && app.server.listening) await setTimeout(drainMs)
  })

  let index: Static<typeof Index> | undefined
  app.get('/', { schema: getIndex }, async () => (index ??= describeService()))

  // The routes are complete only once the app is ready.
  function describeService(): Static<typeof Index> {
    return {
      name: 'Partner Attribution API',
      documentation: '/docs',
      endpoints: Object.entries(app.swagger().paths ?? {}).flatMap(([path, operations]) =>
        Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
      ),
      attribution_models: [...models],
    }
  }

  // Balancers ask every second; what they hear is worth a line only when it is bad.
  app.get('/health', { schema: getHealth, config, logLevel: 'warn' }, async () => ({ status: 'ok' as const }))

  app.get('/ready', { schema: getReadiness, config, logLevel: 'warn' }, async () => {
    isAsked = true
    if (isDraining || !(await isReady())) throw Object.assign(new Unavailable(), { retryAfter: 1 })
    return { status: 'ready' as const }
  })
}

/** Shares an answer, or the question while it is open, for a second: anybody may ask. */
function askOnceASecond(isReady: () => Promise<boolean>): () => Promise<boolean> {
  let answer = Promise.resolve(false)
  let freshUntil = -Infinity
  return () => {
    if (performance.now() >= freshUntil) {
      freshUntil = Infinity
      answer = isReady()
        .catch(() => false)
        .finally(() => (freshUntil = performance.now() + freshMs))
    }
    return answer
  }
}
