import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify'
import type { Kysely } from 'kysely'
import { Type } from '@sinclair/typebox'
import { takeTurns } from '../database/group.ts'
import type { Database } from '../database/tables.ts'
import { acceptOnlyNdjson, readBody } from '../http/ndjson.ts'
import { answers, toFaults } from '../http/problems.ts'
import { ref, Strict } from '../http/schemas.ts'
import type { Attribute } from '../record/versions.ts'
import { importEvents } from './import.ts'
import { EventLine, ImportReport } from './schemas.ts'

interface Needs {
  readonly db: Kysely<Database>
  readonly attribute: Attribute
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>
}

interface Verdict {
  readonly error?: FastifySchemaValidationError[]
}

const importsAtOnce = 4

const postImport = {
  operationId: 'importEvents',
  summary: 'Import any number of touchpoints, one JSON object a line',
  description:
    'Stores events while their lines arrive. Every line has an `id`, so that sending them again changes nothing: after an interruption, send all or the rest. Lines at fault are left out and reported; the others are stored.',
  tags: ['Events'],
  consumes: ['application/x-ndjson'],
  body: Type.String({ description: 'Lines of `EventLine`, of up to 128 kB each.', 'x-line': ref(EventLine) }),
  querystring: Strict({}),
  response: answers({ 200: ref(ImportReport) }),
}

export const imports: FastifyPluginAsyncTypebox<Needs> = async (app, { db, attribute, inTurn }) => {
  const takeTurn = takeTurns(importsAtOnce, 0)
  const compile = app.validatorCompiler as FastifySchemaCompiler<object>
  const validate = compile({ schema: ref(EventLine), method: 'POST', url: '/events/import' })
  const check = (value: unknown) => toFaults({ validation: (validate(value) as Verdict).error ?? [] })
  acceptOnlyNdjson(app)

  app.post(
    '/events/import',
    {
      schema: postImport,
      // The body is a stream: its lines are validated as they come.
      validatorCompiler: (route) => (route.httpPart === 'body' ? () => true : compile(route as never)),
    },
    async (request, reply) => {
      try {
        return await takeTurn(() => importEvents({ db, attribute, inTurn, check }, readBody(request)))
      } catch (error) {
        // What is left of the body would be taken for the next request.
        void reply.header('connection', 'close')
        request.raw.resume()
        throw error
      }
    },
  )
}
