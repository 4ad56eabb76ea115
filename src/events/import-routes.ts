import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import type { Database } from '../database/tables.ts'
import type { ConfirmTimeZone } from '../database/time-zone.ts'
import { Unauthenticated } from '../errors.ts'
import { hashApiKey } from '../http/api-key.ts'
import type { Authentication } from '../http/authentication.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { acceptOnlyNdjson, readBody } from '../http/ndjson.ts'
import type { Calendar } from '../values/calendar.ts'
import type { Clock } from '../values/clock.ts'
import { answers, toFaults } from '../http/problems.ts'
import { ref, Strict } from '../values/schemas.ts'
import type { DealRecord } from '../record/record.ts'
import { importEvents } from './import.ts'
import { createImportQueue } from './import-queue.ts'
import { EventLine, ImportReport } from './schemas.ts'

interface ImportsOptions {
  readonly db: Kysely<Database>
  readonly record: DealRecord
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
  readonly findCaller: Authentication['findCaller']
  readonly clock: Clock
  readonly confirmTimeZone: ConfirmTimeZone
  readonly calendar: Calendar
}

interface Verdict {
  readonly error?: FastifySchemaValidationError[]
}

const postImport = {
  operationId: 'importEvents',
  summary: 'Import any number of touchpoints, one JSON object per line',
  description:
    'Stores events while their lines arrive (NDJSON). Every line has an `id`, so sending it again changes nothing: after an interruption, send all lines again, or the rest. Refused lines are reported, and the other lines are stored. An API key runs one import at a time, and one more waits. At least 32 kB must arrive every 30 seconds, and the whole body within an hour.',
  tags: ['Events'],
  consumes: ['application/x-ndjson'],
  body: Type.String({
    description: 'One `EventLine` per line, up to 128 kB each.',
    'x-line': ref(EventLine),
  }),
  querystring: Strict({}),
  response: answers({ 200: ref(ImportReport) }, 408),
}

export const imports: FastifyPluginAsyncTypebox<ImportsOptions> = async (app, needs) => {
  const { db, record, inTurn, findCaller, clock, confirmTimeZone, calendar } = needs
  const enqueue = createImportQueue()
  const compile = app.validatorCompiler as FastifySchemaCompiler<object>
  const validate = compile({ schema: ref(EventLine), method: 'POST', url: '/events/import' })
  const check = (value: unknown) => toFaults({ validation: (validate(value) as Verdict).error ?? [] })
  acceptOnlyNdjson(app)

  app.post(
    '/events/import',
    {
      schema: postImport,
      // The body is a stream: each line is validated when it arrives.
      validatorCompiler: (route) => (route.httpPart === 'body' ? () => true : compile(route as never)),
    },
    (request, reply) => {
      const keyHash = hashApiKey(request.headers['x-api-key'] as string) as Buffer
      const confirmKey = async () => {
        if ((await findCaller(keyHash)) === undefined) throw new Unauthenticated()
        await confirmTimeZone()
      }
      const batches = readBody(request, clock)
      const keyId = request.caller.id
      return enqueue(
        keyId,
        () => importEvents({ db, record, author: { keyId, calendar }, inTurn, check, confirmKey }, batches),
        clientSignalOf(reply),
      )
    },
  )
}
