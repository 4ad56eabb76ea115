import type { FastifyInstance } from 'fastify'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'

const description = `Records what partners did on deals, splits every closed deal among them by a model, and proves every cent.

Send your API key as \`X-API-Key\`. Amounts are numbers in units of their currency, exact to its last decimal.`

/** Describes every route registered after it as OpenAPI 3.0.3. */
export async function document(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.0.3',
      info: { title: 'Partner Attribution API', description, version: '0.1.0', license: { name: 'MIT' } },
      servers: [{ url: '/' }],
      components: { securitySchemes: { apiKey: { type: 'apiKey', name: 'X-API-Key', in: 'header' } } },
      security: [{ apiKey: [] }],
    },
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema['$id'] === 'string' ? schema['$id'] : `def-${index}`,
    },
  })
}

/** Swagger UI at /docs, with the document at /docs/json and /docs/yaml; both are open to anyone. */
export async function serveDocumentation(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { persistAuthorization: false } })
}
