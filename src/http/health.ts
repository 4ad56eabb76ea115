import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { Unavailable } from '../errors.ts'
import { Problem } from './problems.ts'
import { OneOf, ref } from './schemas.ts'

interface Needs {
  /** Whether the database answers and its schema is this release's. */
  readonly isReady: () => Promise<boolean>
  readonly models: readonly string[]
}

const tags = ['Service']
const security: [] = []

const getIndex = {
  operationId: 'getIndex',
  summary: 'What this service offers',
  tags,
  security,
  response: {
    200: Type.Object({
      name: Type.String(),
      documentation: Type.String(),
      endpoints: Type.Array(Type.String()),
      attribution_models: Type.Array(Type.String()),
    }),
  },
}

const getHealth = {
  operationId: 'getHealth',
  summary: 'Whether the process is alive; asks nothing of the database',
  tags,
  security,
  response: { 200: Type.Object({ status: OneOf(['ok']) }) },
}

const getReadiness = {
  operationId: 'getReadiness',
  summary: 'Whether requests can be served: the database answers and its schema is current',
  tags,
  security,
  response: { 200: Type.Object({ status: OneOf(['ready']) }), 503: ref(Problem) },
}

export const health: FastifyPluginAsyncTypebox<Needs> = async (app, { isReady, models }) => {
  app.get('/', { schema: getIndex }, async () => ({
    name: 'Partner Attribution API',
    documentation: '/docs',
    endpoints: Object.entries(app.swagger().paths ?? {}).flatMap(([path, operations]) =>
      Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    ),
    attribution_models: [...models],
  }))

  app.get('/health', { schema: getHealth }, async () => ({ status: 'ok' as const }))

  app.get('/ready', { schema: getReadiness }, async () => {
    if (!(await isReady())) throw Object.assign(new Unavailable(), { retryAfter: 1 })
    return { status: 'ready' as const }
  })
}
