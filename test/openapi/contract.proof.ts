import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import { Ajv, type ValidateFunction } from 'ajv'
import * as fc from 'fast-check'
import { sql } from 'kysely'
import type { OpenAPIV3 } from 'openapi-types'
import { createApp, type TestApp } from '../support/app.ts'
import { type ListedOperation, listOperations, readDocument } from '../support/openapi-document.ts'
import { createResolve, type Schema } from '../support/valid-values.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import {
  brokenRequestsOf,
  oversizedRequestsOf,
  requestsOf,
  type Sent,
  toSent,
} from '../support/generated-requests.ts'

interface Problem {
  readonly code: string
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

// Half of these requests are valid, half are broken in one place.
const requestsARoute = Number(process.env['FUZZ_REQUESTS'] ?? 200)
const numRuns = Math.ceil(requestsARoute / 2)
const document = await readDocument(t)
const resolve = createResolve(document)
const guarded = listOperations(document).filter(({ operation }) => operation.security?.length !== 0)
const ajv = new Ajv({ strict: false, validateFormats: false })
ajv.addSchema({ $id: 'document', ...document })
const validators = new Map<Schema, ValidateFunction>()
const longestAnswer = 150_000
let addresses = 0

// Each operation has its own service here, so that it does not read the rows that others wrote.
t.test('a valid request is never refused for its form', async (t) => {
  for (const listed of guarded) {
    await t.test(listed.id, async (t) => {
      const service = await createFilledService(t)
      const property = fc.asyncProperty(requestsOf(listed, resolve), async (drawn) => {
        const answer = await send(service, listed, toSent(listed, resolve, drawn))
        checkAnswer(listed, answer)
        const isTaken = [200, 201, 404, 409].includes(answer.statusCode)
        if (!isTaken && answer.json<Problem>().code !== 'unknown_reference' && !breaksFurtherRule(answer))
          throw new Error(answer.body)
      })
      await t.resolves(fc.assert(property, { numRuns }))
    })
  }
})

// The document cannot say that the model `agreed` needs its shares, that a rule of a plan has a rate or a flat amount, nor what
// follows from the path or from stored values.
const furtherRules =
  /^(?:The id must be that of the path|The ids must be in the order|The range must end|Send the amount too|The rule (?:needs|has) a rate|No amount is at least)/

function breaksFurtherRule(answer: { readonly body: string }): boolean {
  const { errors = [] } = JSON.parse(answer.body) as Problem
  const isAboutAgreed = answer.body.includes('The model agreed ')
  return (
    errors.length > 0 &&
    errors.every(
      ({ pointer, detail }) =>
        furtherRules.test(detail) || (isAboutAgreed && pointer.startsWith('/model_parameters')),
    )
  )
}

t.test('a request broken in one place is refused with a 4xx and changes nothing', async (t) => {
  const service = await createFilledService(t)
  for (const listed of guarded) {
    const before = await digest(service)
    const broken = requestsOf(listed, resolve).chain((drawn) => brokenRequestsOf(listed, resolve, drawn))
    const property = fc.asyncProperty(broken, async (sent) => {
      const answer = await send(service, listed, sent)
      if (Math.floor(answer.statusCode / 100) !== 4) throw new Error(`${answer.statusCode} ${answer.body}`)
      // A broken path may not match the operation.
      if (answer.statusCode !== 404) checkAnswer(listed, answer)
    })
    await t.resolves(fc.assert(property, { numRuns }), listed.id)
    t.strictSame(await digest(service), before, `${listed.id} changes nothing`)
  }
})

t.test('a deep, long or wide body gets a short answer that the document declares', async (t) => {
  const service = await createFilledService(t)
  for (const listed of guarded) {
    if (listed.operation.requestBody === undefined) continue
    const oversized = requestsOf(listed, resolve).chain(
      (drawn) => oversizedRequestsOf(listed, resolve, drawn) as fc.Arbitrary<Sent>,
    )
    const property = fc.asyncProperty(oversized, async (sent) => {
      const answer = await send(service, listed, sent)
      checkAnswer(listed, answer)
      if (answer.statusCode >= 500) throw new Error(`${answer.statusCode} ${answer.body}`)
      if (answer.body.length > longestAnswer) throw new Error(`an answer of ${answer.body.length} characters`)
    })
    await t.resolves(fc.assert(property, { numRuns: Math.ceil(numRuns / 5) }), listed.id)
  }
})

function send({ app, key }: TestApp, { method }: ListedOperation, { path, search, body, headers }: Sent) {
  addresses += 1
  return app.inject({
    method,
    url: search === '' ? path : `${path}?${search}`,
    // Failed authentications are limited per address.
    remoteAddress: `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`,
    headers: { 'x-api-key': key, ...headers },
    ...(body && { payload: body }),
  })
}

/** Throws when the document does not declare the answer. */
function checkAnswer({ operation }: ListedOperation, answer: LightMyRequestResponse): void {
  const declared = operation.responses[answer.statusCode]
  if (declared === undefined) throw new Error(`undeclared ${answer.statusCode}: ${answer.body}`)
  const response =
    '$ref' in declared ? document.components?.responses?.[declared.$ref.split('/').at(-1) ?? ''] : declared
  const { content = {} } = response as OpenAPIV3.ResponseObject
  const type = String(answer.headers['content-type']).split(';', 1)[0] ?? ''
  const schema = content[type]?.schema
  if (schema === undefined) throw new Error(`undeclared ${type} with ${answer.statusCode}`)
  if (!type.endsWith('json')) return
  const validate = validatorOf(schema)
  if (!validate(answer.json())) throw new Error(`${ajv.errorsText(validate.errors)}: ${answer.body}`)
}

function validatorOf(schema: Schema): ValidateFunction {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const validate = ajv.compile('$ref' in schema ? { $ref: `document${schema.$ref}` } : schema)
  validators.set(schema, validate)
  return validate
}

/** A service with the rows that generated requests refer to. */
async function createFilledService(t: Test): Promise<TestApp> {
  const service = await createApp(t)
  for (const number of [1, 2, 3]) {
    await givenPartner(service, `p${number}`)
    await givenEvent(service, { id: `e${number}`, partner_id: `p${number}`, deal_id: 'd1' })
    await givenDeal(service, { id: `d${number}` })
    const spare = {
      id: `key_${number}`,
      name: 'spare',
      scopes: ['read' as const],
      key_hash: Buffer.of(number),
    }
    await service.db.insertInto('api_keys').values(spare).execute()
  }
  return service
}

/** A digest of the stored rows, without the columns that every request changes. */
async function digest({ db }: TestApp): Promise<unknown> {
  const whole = ['partners', 'events', 'deals', 'attributions', 'shares', 'idempotency_keys', 'audit']
  const sums = whole.map(
    (table) => sql`select md5(string_agg(t::text, ',' order by t::text)) from ${sql.table(table)} as t`,
  )
  const keys = sql`select md5(string_agg(concat(id, revoked_at, expires_at), ',' order by id)) from api_keys`
  const answers = await Promise.all([...sums, keys].map((sum) => sum.execute(db)))
  return answers.map(({ rows }) => rows)
}
