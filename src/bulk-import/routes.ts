import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type {
  FastifyReply,
  FastifyRequest,
  FastifySchemaCompiler,
  FastifySchemaValidationError,
} from 'fastify'
import { type TSchema, Type } from '@sinclair/typebox'
import type { ConfirmTimeZone } from '../database/time-zone.ts'
import { DealLine, DeclaredDealLine } from '../deals/schemas.ts'
import { invalid, Unauthenticated } from '../errors.ts'
import { DeclaredEventLine, EventLine } from '../events/schemas.ts'
import { hashApiKey } from '../http/api-key.ts'
import type { Authentication } from '../http/authentication.ts'
import { clientSignalOf } from '../http/client-signal.ts'
import { acceptOnlyNdjson, readBody } from '../http/ndjson.ts'
import { answers, toFaults } from '../http/problems.ts'
import { DeclaredPartnerLine, PartnerLine } from '../partners/schemas.ts'
import { RefundLine } from '../refunds/schemas.ts'
import type { Clock } from '../values/clock.ts'
import { ref, Strict } from '../values/schemas.ts'
import { importLines } from './import-lines.ts'
import { createImportQueue } from './import-queue.ts'
import type { Attempt, KindName, LineKind } from './line-kind.ts'
import { ImportMode, ImportReport, LinesReport } from './schemas.ts'

/** The kinds of lines, partners before the events that refer to them, then deals, so that each is split once, and refunds of deals last. */
type Kinds = Readonly<Record<KindName, LineKind>>

interface ImportsOptions {
  readonly submit: Kinds
  readonly declare: Kinds
  readonly inTurn: Attempt
  readonly findCaller: Authentication['findCaller']
  readonly clock: Clock
  readonly confirmTimeZone: ConfirmTimeZone
}

interface Verdict {
  readonly error?: FastifySchemaValidationError[]
}

const consumes = ['application/x-ndjson']
const limits =
  'An API key runs one import at a time, and one more waits. At least 32 kB must arrive every 30 seconds, and the whole body within an hour.'

const postEvents = {
  operationId: 'importEvents',
  summary: 'Import any number of touchpoints, one JSON object per line',
  description: `Stores events while their lines arrive (NDJSON). Every line has an \`id\`, so sending it again changes nothing: after an interruption, send all lines again, or the rest. Refused lines are reported, and the other lines are stored. ${limits}`,
  tags: ['Events'],
  consumes,
  body: Type.String({
    description: 'One `EventLine` per line, up to 128 kB each.',
    'x-line': ref(EventLine),
  }),
  querystring: Strict({}),
  response: answers({ 200: ref(ImportReport) }, 408),
}

const postLines = {
  operationId: 'importLines',
  summary: 'Import partners, events, deals and refunds, one JSON object per line',
  description: `Stores objects while their lines arrive (NDJSON). Each line has a \`kind\`, an \`id\`, and the fields of \`POST\`, or with \`mode=declare\` those of \`PUT\`, of its kind. A line of a refund also has its \`deal_id\`; a refund never changes, so both modes submit it. Send a partner before the lines that refer to it. Sending a line again changes nothing: after an interruption, send all lines again, or the rest. Refused lines are reported, and the other lines are stored. ${limits}`,
  tags: ['Import'],
  consumes,
  body: Type.String({
    description:
      'One object per line, up to 128 kB each: `PartnerLine`, `EventLine`, `DealLine` or `RefundLine`; with `mode=declare` `DeclaredPartnerLine`, `DeclaredEventLine`, `DeclaredDealLine` or `RefundLine`.',
    'x-line': ref(DealLine),
  }),
  querystring: Strict({ mode: Type.Optional(ref(ImportMode)) }),
  response: answers({ 200: ref(LinesReport) }, 408),
}

const lineSchemas = {
  submit: { partner: PartnerLine, event: EventLine, deal: DealLine, refund: RefundLine },
  declare: {
    partner: DeclaredPartnerLine,
    event: DeclaredEventLine,
    deal: DeclaredDealLine,
    refund: RefundLine,
  },
}

export const bulkImport: FastifyPluginAsyncTypebox<ImportsOptions> = async (app, needs) => {
  const { submit, declare, inTurn, findCaller, clock, confirmTimeZone } = needs
  const enqueue = createImportQueue()
  const compile = app.validatorCompiler as FastifySchemaCompiler<object>
  // The body is a stream: each line is validated when it arrives.
  const validatorCompiler: FastifySchemaCompiler<object> = (route) =>
    route.httpPart === 'body' ? () => true : compile(route)
  const checkWith = (schema: TSchema) => {
    const validate = compile({ schema: ref(schema), method: 'POST', url: '/import' })
    return (value: unknown) => {
      const faults = toFaults({ validation: (validate(value) as Verdict).error ?? [] })
      if (faults.length > 0) throw invalid(faults)
    }
  }
  const kindFinders = {
    submit: createKindFinder(submit, mapKinds(lineSchemas.submit, checkWith)),
    declare: createKindFinder(declare, mapKinds(lineSchemas.declare, checkWith)),
  }
  const checkEvent = checkWith(EventLine)
  acceptOnlyNdjson(app)

  const run = (
    request: FastifyRequest,
    reply: FastifyReply,
    kinds: Kinds,
    kindOf: (value: unknown) => LineKind,
  ) => {
    const keyHash = hashApiKey(request.headers['x-api-key'] as string) as Buffer
    const confirmKey = async () => {
      if ((await findCaller(keyHash)) === undefined) throw new Unauthenticated()
      await confirmTimeZone()
    }
    const batches = readBody(request, clock)
    const order = [kinds.partner, kinds.event, kinds.deal, kinds.refund]
    return enqueue(
      request.caller.id,
      () => importLines({ sender: request, kinds: order, kindOf, inTurn, confirmKey }, batches),
      clientSignalOf(reply),
    )
  }

  app.post('/events/import', { schema: postEvents, validatorCompiler }, async (request, reply) => {
    const { created, unchanged, refused, refusals } = await run(request, reply, submit, (value) => {
      checkEvent(value)
      return submit.event
    })
    return { accepted: created, duplicates: unchanged, refused, refusals }
  })

  app.post('/import', { schema: postLines, validatorCompiler }, (request, reply) => {
    const { mode = 'submit' } = request.query
    return run(request, reply, mode === 'submit' ? submit : declare, kindFinders[mode])
  })
}

type Check = (value: unknown) => void

function createKindFinder(kinds: Kinds, checks: Readonly<Record<KindName, Check>>) {
  const names = Object.keys(kinds) as KindName[]
  return (value: unknown): LineKind => {
    const sent = (value as { readonly kind?: unknown } | null)?.kind
    const name = names.find((known) => known === sent)
    if (name === undefined)
      throw invalid([{ pointer: '/kind', detail: `The kind of a line must be one of ${names.join(', ')}.` }])
    checks[name](value)
    return kinds[name]
  }
}

function mapKinds(schemas: Readonly<Record<KindName, TSchema>>, checkWith: (schema: TSchema) => Check) {
  const { partner, event, deal, refund } = schemas
  return {
    partner: checkWith(partner),
    event: checkWith(event),
    deal: checkWith(deal),
    refund: checkWith(refund),
  }
}
