import type { FastifyInstance } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import swagger from '@fastify/swagger'
import manifest from '../../package.json' with { type: 'json' }
import { scopeOf } from '../http/authentication.ts'
import { completeContract, type Examples } from './contract.ts'

const description = `Records what partners did on deals, splits every closed deal among them by a model, and proves every cent.

Send your API key as \`X-API-Key\`. Amounts are numbers in units of their currency, exact to its last decimal.

Every failure is a \`Problem\`: its \`code\` is for programs, its \`detail\` and \`errors\` are for people. A 429 or 503 says in \`Retry-After\` when to send the same again; with an \`Idempotency-Key\`, or an \`id\` of your own, nothing is done twice.`

const tags = [
  { name: 'Partners', description: 'Who can earn a share of a deal.' },
  { name: 'Events', description: 'Touchpoints: what a partner did on a deal, and when.' },
  { name: 'Deals', description: 'Closed deals, each split at once.' },
  { name: 'Attribution', description: 'How a deal is split, why, and what it was before.' },
  { name: 'Analytics', description: 'Figures over many deals, in one currency.' },
  { name: 'API keys', description: 'Who may call the service, and for what.' },
  { name: 'Audit', description: 'Who did what, and when.' },
  { name: 'Service', description: 'The service itself; needs no key.' },
]

/** Describes every route registered after it as OpenAPI 3.0.3. */
export async function document(app: FastifyInstance, examples: Examples): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.0.3',
      info: {
        title: 'Partner Attribution API',
        description,
        version: manifest.version,
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      servers: [{ url: '/', description: 'This service.' }],
      tags,
      components: {
        securitySchemes: {
          apiKey: { type: 'apiKey', name: 'X-API-Key', in: 'header', description: 'A key of the form sk_….' },
        },
      },
      security: [{ apiKey: [] }],
    },
    transform: ({ schema, url, route }) => {
      if (Array.isArray(schema?.security) && schema.security.length === 0) return { schema, url }
      const { body, ...rest } = schema ?? {}
      // A body that has no fields is there for clients that cannot send none.
      const asks = typeof body === 'object' && body !== null && !isEmpty(body)
      const scope = scopeOf(route)
      return { schema: { ...rest, ...(asks && { body }), 'x-scope': scope }, url }
    },
    transformObject: (converted) =>
      'openapiObject' in converted
        ? completeContract(converted.openapiObject as OpenAPIV3.Document, examples)
        : converted.swaggerObject,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `def-${index}`,
    },
  })
}

function isEmpty(body: { properties?: object }): boolean {
  return Object.keys(body.properties ?? body).length === 0
}
