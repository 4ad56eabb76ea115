import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { Ajv } from 'ajv'
import { sql } from 'kysely'
import { generateApiKey } from '../../src/http/api-key.ts'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import type { Example, Examples, Operation } from '../../src/openapi/contract.ts'
import { createApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import {
  createDetachedApp,
  type ListedOperation,
  listOperations,
  readDocument,
} from '../support/openapi-document.ts'
import { createFreshService, createTranslation } from '../support/examples.ts'
import { provokeByStatus, type Request, toRequest, withHeaders, withId } from '../support/provoke-errors.ts'

const shown: Examples = examples
const document = await readDocument(t)
const operations = new Map(listOperations(document).map((listed) => [listed.id, listed]))
const nobody: Example = { status: 0, answer: null }

const ajv = new Ajv({ strict: false, validateFormats: false })
ajv.addSchema({ $id: 'document', ...document })

const seen = new Set<string>()

/** Asserts that an answer has this status and is what its operation declares for it. */
function check(
  t: Test,
  { id, operation }: ListedOperation,
  status: number,
  answer: LightMyRequestResponse,
): void {
  t.equal(answer.statusCode, status, `${id} answers ${status}: ${answer.body.slice(0, 200)}`)
  seen.add(`${id} ${answer.statusCode}`)
  const type = String(answer.headers['content-type']).split(';', 1)[0] ?? ''
  const declared = contentOf(operation.responses[status])[type]?.schema
  if (declared === undefined) return void t.fail(`${id} ${status} does not declare ${type}`)
  const validate = ajv.compile('$ref' in declared ? { $ref: `document${declared.$ref}` } : declared)
  t.ok(validate(read(answer)), `${id} ${status}: ${ajv.errorsText(validate.errors)}`)
  t.ok(answer.headers['x-request-id'], `${id} ${status} has a request id`)
  if (status === 429 || status === 503) t.ok(answer.headers['retry-after'], `${id} ${status} has Retry-After`)
}

t.test(
  'each example gets its documented answer, is replayed, refused with another body and found again',
  async (t) => {
    const service = await createFreshService(t)
    const translation = createTranslation()

    for (const [id, example] of Object.entries(shown)) {
      const listed = operations.get(id) as ListedOperation
      const request = toRequest(listed, translation.translate(example), service.key)
      const keyed = withHeaders(request, { 'idempotency-key': id })
      const takesKey = JSON.stringify(listed.operation.parameters ?? []).includes('IdempotencyKey')

      const answer = await service.app.inject(keyed)
      check(t, listed, example.status, answer)
      translation.learn(example.answer, read(answer))
      if (takesKey) {
        const replayed = await service.app.inject(keyed)
        t.equal(replayed.headers['idempotency-replayed'], 'true', `${id} is replayed`)
      }
      if ('422' in listed.operation.responses) {
        check(t, listed, 422, await service.app.inject({ ...keyed, payload: vary(request.payload) }))
      }
      if (example.status === 201 && '200' in listed.operation.responses) {
        check(t, listed, 200, await service.app.inject(request))
      }
    }
    // Last, because the other examples show what there is without these.
    for (const listed of operations.values()) {
      const example = shown[listed.id]
      if (example?.status !== 200 || !('201' in listed.operation.responses)) continue
      const request = toRequest(listed, example, service.key)
      check(t, listed, 201, await service.app.inject({ ...request, url: withId(listed.path, 'declared') }))
    }
  },
)

t.test('every operation answers with each error that a client can provoke', async (t) => {
  const service = await createFreshService(t)

  for (const listed of operations.values()) {
    const request = toRequest(listed, shown[listed.id] ?? nobody, service.key)
    for (const status of Object.keys(listed.operation.responses).map(Number)) {
      const provoke = provokeByStatus[status]
      if (provoke !== undefined) check(t, listed, status, await provoke(service, request, listed))
    }
  }
})

t.test('every operation answers 503 when the database is unreachable', async (t) => {
  const app = await createDetachedApp(t)

  await checkAll(t, app, 503)
})

t.test('every operation answers 500 when the schema is not the expected one', async (t) => {
  const service = await createApp(t)
  await sql`alter table api_keys rename column scopes to changed`.execute(connectAsOwner(t, service.url))

  await checkAll(t, service.app, 500)
})

t.test('every declared status has occurred in these tests', (t) => {
  const declared = [...operations.values()].flatMap(({ id, operation }) =>
    Object.keys(operation.responses).map((status) => `${id} ${status}`),
  )

  t.strictSame(
    declared.filter((status) => !seen.has(status)),
    [],
    'add to test/support/provoke-errors.ts how to get this status',
  )
  t.end()
})

function read({ headers, body }: LightMyRequestResponse): unknown {
  return String(headers['content-type']).includes('json') ? JSON.parse(body) : body
}

function contentOf(response: Operation['responses'][string] | undefined) {
  if (response === undefined) return {}
  if (!('$ref' in response)) return response.content ?? {}
  const shared = document.components?.responses?.[response.$ref.replace(/.*\//, '')]
  return shared !== undefined && 'content' in shared ? (shared.content ?? {}) : {}
}

async function checkAll(t: Test, app: FastifyInstance, status: number): Promise<void> {
  for (const listed of operations.values()) {
    if (!(status in listed.operation.responses)) continue
    const key = generateApiKey()
    const request: Request = toRequest(listed, shown[listed.id] ?? nobody, key)
    check(t, listed, status, await app.inject(request))
  }
}

/** Another valid body. */
function vary(payload = ''): string {
  if (payload === '{}') return JSON.stringify({ expected_digest: '0'.repeat(64) })
  const renamed = payload.replace(/"(id|name|reason|iban|plan_id|source|note)":"/, '"$1":"other-')
  if (renamed !== payload) return renamed
  return payload.replace(/":(\d+)/, '":1$1').replace('"2024-', '"2023-')
}
