import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { setTimeout } from 'node:timers/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Unavailable } from '../errors.ts'
import { Problem } from '../values/problem.ts'
import { OneOf, ref } from '../values/schemas.ts'

interface HealthOptions {
  /** Whether the database answers and has the schema of this release. */
  readonly isReady: () => Promise<boolean>
  /** How long a closing app keeps serving, so that the load balancer notices that it is not ready. */
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

// Load balancers and monitors call often, and several may share an address.
const config = { rateLimit: { max: 6000 } }
const freshMs = 1000

const tags = ['Service']
const security: [] = []

const getIndex = {
  operationId: 'getIndex',
  summary: 'Get the name, endpoints and models of the service',
  description: 'The name of the service, the path of its documentation, its endpoints and its models.',
  tags,
  security,
  response: { 200: ref(Index), 429: ref(Problem) },
}

const getHealth = {
  operationId: 'getHealth',
  summary: 'Check that the process is alive',
  description:
    'Answers 200 while the process runs. It does not query the database, because a restart of the process would not repair that.',
  tags,
  security,
  response: { 200: ref(Health), 429: ref(Problem) },
}

const getReadiness = {
  operationId: 'getReadiness',
  summary: 'Check that the service can take requests',
  description:
    'Answers 200 if the database answers, its schema is that of this release, and no shutdown has begun; else 503. For load balancers.',
  tags,
  security,
  response: { 200: ref(Readiness), 429: ref(Problem), 503: ref(Problem) },
}

export const health: FastifyPluginAsyncTypebox<HealthOptions> = async (app, options) => {
  const { drainMs, models } = options
  const isReady = cacheForASecond(options.isReady)
  let isAsked = false
  let isDraining = false
  // From here on Fastify answers with `Connection: close`. If nothing has called /ready, there is no balancer to wait for.
  app.addHook('preClose', async () => {
    isDraining = true
    if (isAsked && app.server.listening) await setTimeout(drainMs)
  })

  let index: Static<typeof Index> | undefined
  app.get('/', { schema: getIndex }, async () => (index ??= describeService()))

  // Called at the first request, because routes are registered until the app is ready.
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

  // Load balancers call every second, so only failures are logged.
  app.get('/health', { schema: getHealth, config, logLevel: 'warn' }, async () => ({ status: 'ok' as const }))

  app.get('/ready', { schema: getReadiness, config, logLevel: 'warn' }, async () => {
    isAsked = true
    if (isDraining || !(await isReady())) throw Object.assign(new Unavailable(), { retryAfter: 1 })
    return { status: 'ready' as const }
  })
}

/** Calls `isReady` at most once a second and shares its result, because clients without a key may call /ready. */
function cacheForASecond(isReady: () => Promise<boolean>): () => Promise<boolean> {
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
