import type { FastifyInstance } from 'fastify'
import type { OpenAPIV3 } from 'openapi-types'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { readEnvironment } from '../../src/config.ts'
import { connect } from '../../src/database/connect.ts'
import type { Operation } from '../../src/openapi/contract.ts'
import { quietLog } from './log.ts'

/** The app with an unreachable database. */
export async function createDetachedApp(t: Test): Promise<FastifyInstance> {
  const db = connect({ url: 'postgres://nobody@127.0.0.1:1/none', log: quietLog })
  const app = await buildApp({ ...readEnvironment({}), payoutKeys: new Map() }, db)
  t.teardown(async () => {
    await app.close()
    await db.destroy()
  })
  return app
}

/** The OpenAPI document that the app serves. */
export async function readDocument(t: Test): Promise<OpenAPIV3.Document> {
  const app = await createDetachedApp(t)
  const answer = await app.inject('/docs/json')
  return answer.json<OpenAPIV3.Document>()
}

export interface ListedOperation {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly operation: Operation
}

export function listOperations({ paths }: OpenAPIV3.Document): readonly ListedOperation[] {
  return Object.entries(paths).flatMap(([path, item = {}]) =>
    Object.entries(item).map(([method, operation]) => ({
      id: (operation as Operation).operationId ?? '',
      method: method.toUpperCase() as ListedOperation['method'],
      path,
      operation: operation as Operation,
    })),
  )
}
