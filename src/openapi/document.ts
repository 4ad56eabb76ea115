import type { FastifyInstance } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import swagger from '@fastify/swagger'
import manifest from '../../package.json' with { type: 'json' }
import { scopeOf } from '../http/authentication.ts'
import { completeContract, type Examples } from './contract.ts'
import { introduction } from './introduction.ts'
import { serviceName } from './page-layout.ts'

const tags = [
  { name: 'Partners', description: 'The people and companies that can earn a share of a deal.' },
  { name: 'Events', description: 'Touchpoints: what a partner did on a deal, and when.' },
  { name: 'Deals', description: 'Closed deals. Each is split when it is recorded.' },
  { name: 'Refunds', description: 'Parts of deals that went back to the customer.' },
  {
    name: 'Import',
    description: 'Partners, events and deals in bulk, and exports that come again and again.',
  },
  {
    name: 'Attribution',
    description: 'The split of a deal: its explanation, its history, and other models for it.',
  },
  { name: 'Analytics', description: 'Totals of many deals, in one currency.' },
  { name: 'API keys', description: 'The keys of your systems, with their scopes and limits.' },
  { name: 'Commission plans', description: 'What the company owes partners for their payouts.' },
  {
    name: 'Ledger',
    description:
      'What is owed to partners, month by month: statements, balances, and months that are locked.',
  },
  { name: 'Audit', description: 'Who did what, and when.' },
  { name: 'Service', description: 'The service itself. These operations need no key.' },
]

/** Describes every route registered after it as OpenAPI 3.0.3. */
export async function document(app: FastifyInstance, examples: Examples): Promise<void> {
  await app.register(swagger, {
    // The plugin would read the path of the server, which has none.
    stripBasePath: false,
    openapi: {
      openapi: '3.0.3',
      info: {
        title: serviceName,
        description: introduction,
        version: manifest.version,
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      // Relative to the address of the document, /docs/json, so that a path prefix of a proxy is kept.
      servers: [{ url: '..', description: 'This service.' }],
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
