import type { FastifyInstance } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { readEnvironment } from '../../src/config.ts'
import { connect } from '../../src/database/connect.ts'
import type { Operation } from '../../src/openapi/contract.ts'

/** The app with a database that is away. */
export async function createDetachedApp(t: Test): Promise<FastifyInstance> {
  const log = { error: () => {}, debug: () => {} }
  const db = connect({ url: 'postgres://nobody@127.0.0.1:1/none', log })
  const app = await buildApp({ ...readEnvironment({}), payoutKeys: new Map() }, db)
  t.teardown(async () => {
    await app.close()
    await db.destroy()
  })
  return app
}

/** The document as the app serves it. */
export async function readDocument(t: Test): Promise<OpenAPIV3.Document> {
  const app = await createDetachedApp(t)
  const answer = await app.inject('/docs/json')
  return answer.json<OpenAPIV3.Document>()
}

export interface Listed {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly operation: Operation
}

export function listOperations({ paths }: OpenAPIV3.Document): readonly Listed[] {
  return Object.entries(paths).flatMap(([path, item = {}]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: (operation as Operation).operationId ?? '',
      method: method.toUpperCase() as Listed['method'],
      path,
      operation: operation as Operation,
    })),
  )
}
