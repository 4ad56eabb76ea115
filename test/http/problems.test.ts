import { fastify } from 'fastify'
import t, { type Test } from 'tap'
import * as errors from '../../src/errors.ts'
import { answerProblems, answerUnknownRoute } from '../../src/http/problems.ts'
import { errorCodes } from '../../src/values/problem.ts'
import { acceptOnlyJson } from '../../src/http/json.ts'
import { createApp } from '../support/app.ts'
import { captureLog } from '../support/log.ts'

/** An app whose only route throws what `fail` is given. */
function createFailing(t: Test) {
  const { log, text } = captureLog()
  const app = fastify({ loggerInstance: log })
  const failure: { thrown?: unknown } = {}
  answerProblems(app)
  acceptOnlyJson(app)
  app.setNotFoundHandler(answerUnknownRoute)
  app.get('/', async () => {
    throw failure.thrown
  })
  t.teardown(() => app.close())
  const fail = async (thrown: unknown) => {
    failure.thrown = thrown
    return app.inject('/')
  }
  return { fail, text }
}

const driverError = (code: string, message = 'secret words of the driver') =>
  Object.assign(new Error(message), { code, detail: 'Key (email)=(canary) exists', severity: 'ERROR' })

t.test('driver errors become problems without the message of the driver', async (t) => {
  const { fail } = createFailing(t)
  const statuses: Readonly<Record<string, readonly [number, string]>> = {
    '23505': [409, 'conflict'],
    '23503': [400, 'unknown_reference'],
    '22021': [400, 'malformed_request'],
    '22P05': [400, 'malformed_request'],
    '22003': [400, 'malformed_request'],
    '40001': [503, 'unavailable'],
    '40P01': [503, 'unavailable'],
    '55P03': [503, 'unavailable'],
    '55000': [503, 'unavailable'],
    '57014': [503, 'unavailable'],
    '53300': [503, 'unavailable'],
    '57P01': [503, 'unavailable'],
    '08006': [503, 'unavailable'],
    ECONNREFUSED: [503, 'unavailable'],
    ECONNRESET: [503, 'unavailable'],
    '23514': [500, 'internal_error'],
    '42P01': [500, 'internal_error'],
    '42703': [500, 'internal_error'],
  }

  for (const [code, [status, name]] of Object.entries(statuses)) {
    const answer = await fail(driverError(code))
    t.match(answer.json(), { status, code: name, errors: [] }, code)
    t.equal(answer.statusCode, status)
    t.equal(answer.headers['retry-after'], status === 503 ? '1' : undefined)
    t.notMatch(answer.body, /secret|canary|email/)
  }
})

t.test('pool errors without a code are a 503', async (t) => {
  const { fail } = createFailing(t)

  for (const message of ['timeout exceeded when trying to connect', 'Connection terminated unexpectedly']) {
    t.match((await fail(new Error(message))).json(), { status: 503, code: 'unavailable' })
  }
})

t.test('an internal error is logged in full and answered with one fixed sentence', async (t) => {
  const { fail, text } = createFailing(t)

  for (const thrown of [
    new TypeError('secret'),
    new Error('secret', { cause: new Error('deeper') }),
    { statusCode: 200, message: 'secret' },
  ]) {
    const answer = await fail(thrown)
    t.match(answer.json(), {
      status: 500,
      code: 'internal_error',
      detail: 'The service failed. The error is logged.',
    })
    t.notMatch(answer.body, /secret|deeper|\.ts/)
  }
  t.match(text(), /secret.*deeper/s)
})

t.test('an error whose properties throw is logged and answered with the same sentence', async (t) => {
  const { fail, text } = createFailing(t)
  const unreadable = Object.assign(new Error('unreadable'), { statusCode: 400 })
  Object.defineProperty(unreadable, 'validation', {
    get: () => {
      throw new RangeError('Maximum call stack size exceeded')
    },
  })

  const answer = await fail(unreadable)

  t.equal(answer.statusCode, 500)
  t.match(answer.json(), { code: 'internal_error', detail: 'The service failed. The error is logged.' })
  t.match(text(), /Maximum call stack/)
})

t.test('every error of the catalogue has a code, a sentence and a status', async (t) => {
  const { fail } = createFailing(t)
  const kinds = Object.values(errors).filter(
    (kind) => 'prototype' in kind && kind.prototype instanceof Error,
  ) as (new () => Error)[]

  for (const Kind of kinds) {
    const error = Reflect.construct(Kind, ['X.', 'Y.']) as Error & { statusCode: number }
    const answer = await fail(error)
    t.equal(answer.statusCode, error.statusCode)
    const problem = answer.json<{ type: string; code: string }>()
    t.match(problem, { status: error.statusCode, title: String, detail: /^[A-Z].*\. ?/ })
    t.equal(problem.type, `/docs/errors#${problem.code}`)
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
  }
  t.equal(new Set(errorCodes).size, kinds.length)
  t.ok(errorCodes.every((code) => /^[a-z_]+$/.test(code)))
})

t.test('a malformed path and a path that is too long are answered with problems', async (t) => {
  const { call } = await createApp(t)

  const malformed = await call('GET', '/partners/%E0%A4%A')
  const long = await call('GET', `/partners/${'x'.repeat(2000)}`)

  t.match(malformed.json(), { status: 400, code: 'malformed_request', errors: [] })
  t.match(long.json(), { status: 400, request_id: String })
  for (const { headers } of [malformed, long]) t.match(headers['content-type'], /^application\/problem\+json/)
})
