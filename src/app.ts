import { fastify, type FastifyBaseLogger, type FastifyHttpOptions, type FastifyInstance } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import helmet from '@fastify/helmet'
import type { Kysely } from 'kysely'
import { analytics } from './analytics/routes.ts'
import { createCallers } from './api-keys/callers.ts'
import { apiKeys } from './api-keys/routes.ts'
import { modelNames } from './attribution/models.ts'
import { audit } from './audit/routes.ts'
import { presence } from './bulk-import/presence-routes.ts'
import { bulkImport } from './bulk-import/routes.ts'
import type { Environment } from './config.ts'
import { countConnections } from './database/connect.ts'
import { limitConcurrency } from './database/limit-concurrency.ts'
import { createReadiness } from './database/migrate.ts'
import type { Database } from './database/tables.ts'
import { createTimeZoneConfirmation } from './database/time-zone.ts'
import { createDealLines } from './deals/deal-lines.ts'
import { deals } from './deals/routes.ts'
import { followSource as followDeals } from './deals/void.ts'
import { createEventLines } from './events/event-lines.ts'
import { events } from './events/routes.ts'
import { followSource as followEvents } from './events/void.ts'
import { authenticate } from './http/authentication.ts'
import { allowOrigins } from './http/cors.ts'
import { health } from './http/health.ts'
import { createWrite } from './http/idempotency.ts'
import { acceptOnlyJson } from './http/json.ts'
import { logController, logResponse } from './http/log.ts'
import { createMetrics, measureRequests, type Metrics, serveMetrics } from './http/metrics.ts'
import { answerFrameworkError, answerProblems, answerUnknownRoute } from './http/problems.ts'
import { limitOpenRoutes, limitRates } from './http/rate-limit.ts'
import { answerSocketError, overrideNodeAnswers } from './http/sockets.ts'
import { compileSerializersOnce } from './http/serialization.ts'
import { traceRequests } from './http/tracing.ts'
import { limitUnreadAnswers } from './http/unread-answers.ts'
import { limitUnreadBodies } from './http/unread-bodies.ts'
import { refuseUnknownParameters, useStrictValidation } from './http/validation.ts'
import { document } from './openapi/document.ts'
import { serveDocumentation } from './openapi/documentation-pages.ts'
import examples from './openapi/examples.json' with { type: 'json' }
import { resources } from './openapi/resources.ts'
import { ledger } from './ledger/routes.ts'
import { statements } from './ledger/statement-routes.ts'
import { createPartnerLines } from './partners/partner-lines.ts'
import { toPartner } from './partners/register.ts'
import { partners } from './partners/routes.ts'
import { createVault, deriveSecrets, type PayoutKeys, type Vault } from './partners/vault.ts'
import { planApplications } from './plans/application-routes.ts'
import { commissions } from './plans/commission-routes.ts'
import { plans } from './plans/routes.ts'
import { createMemo, type Memo } from './record/memo.ts'
import type { DealDefaults } from './record/read-terms.ts'
import { createRecord, type DealRecord } from './record/record.ts'
import { createRefundLines } from './refunds/refund-lines.ts'
import { refunds } from './refunds/routes.ts'
import { bulkSplits } from './splits/bulk-routes.ts'
import { splits } from './splits/routes.ts'
import { createCalendar } from './values/calendar.ts'
import { type Clock, systemClock } from './values/clock.ts'
import { whatIf } from './what-if/routes.ts'

// More connections than this are refused, so that idle connections cannot use all memory.
const mostConnections = 2000
// A batch of an import or of `POST /events/batch` locks up to 1,000 deals. PostgreSQL's lock table, which all instances share,
// holds about 10,000 locks.
const batchesAtOnce = 3
const batchesWaiting = 100
// Explanations, comparisons and simulations: each takes up to about 100 ms of computation, in pieces.
const calculationsAtOnce = 2
const calculationsWaiting = 100

export type Config = Environment & { readonly payoutKeys: PayoutKeys; readonly clock?: Clock }

/** Builds the service without listening. The caller closes `db`. */
export async function buildApp(
  config: Config,
  db: Kysely<Database>,
  log?: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const app = fastify({
    ...serverOptions(config),
    ...(log && { loggerInstance: log }),
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = mostConnections
  const metrics = createMetrics()
  await useHttpRules(app, config, metrics)
  await document(app, examples)
  await app.register(async (open) => {
    await limitOpenRoutes(open)
    if (config.DOCS === 'on') await serveDocumentation(open)
    await open.register(health, {
      isReady: createReadiness(db),
      drainMs: config.DRAIN_SECONDS * 1000,
      models: modelNames,
    })
  })
  const callers = createCallers(db)
  const limits = await limitRates(app, {
    db,
    max: config.RATE_LIMIT_MAX,
    windowMs: config.RATE_LIMIT_WINDOW * 60_000,
  })
  await app.register(async (guarded) => {
    authenticate(guarded, { ...callers, ...limits })
    guarded.setNotFoundHandler(answerUnknownRoute)
    refuseUnknownParameters(guarded)
    await registerSlices(guarded, { config, db, metrics, callers })
  })
  return app
}

/** What holds for every request: schemas, bodies, problems, limits, logs, metrics and headers. */
async function useHttpRules(app: FastifyInstance, config: Config, metrics: Metrics): Promise<void> {
  const collector = config.OTEL_EXPORTER_OTLP_ENDPOINT
  if (collector !== undefined) await traceRequests(app, collector)
  for (const resource of resources) app.addSchema(resource)
  useStrictValidation(app)
  acceptOnlyJson(app)
  answerProblems(app)
  overrideNodeAnswers(app)
  limitUnreadBodies(app)
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id))
  app.addHook('onResponse', logResponse)
  measureRequests(app, metrics)
  limitUnreadAnswers(app, metrics)
  if (config.METRICS_PORT !== undefined)
    serveMetrics(app, metrics, { host: config.HOST, port: config.METRICS_PORT })
  // The service speaks plain HTTP (TLS ends at the load balancer), so upgrading requests to https would break /docs.
  await app.register(helmet, { contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } })
  if (config.CORS_ORIGIN !== undefined) await allowOrigins(app, config.CORS_ORIGIN)
}

interface SliceOptions {
  readonly config: Config
  readonly db: Kysely<Database>
  readonly metrics: Metrics
  readonly callers: ReturnType<typeof createCallers>
}

/** The routes that need an API key. */
async function registerSlices(
  app: FastifyInstance,
  { config, db, metrics, callers }: SliceOptions,
): Promise<void> {
  const write = createWrite(db, deriveSecrets(config.payoutKeys, 'idempotency'))
  const calendar = createCalendar(config.TIME_ZONE)
  const confirmTimeZone = createTimeZoneConfirmation(db, config.TIME_ZONE)
  const vault = createVault(config.payoutKeys)
  const defaultCurrency = config.DEFAULT_CURRENCY
  const defaults = {
    calendar,
    currency: defaultCurrency,
    close_grace_minutes: config.ATTRIBUTION_CLOSE_GRACE_MINUTES,
    lookback_days: config.ATTRIBUTION_LOOKBACK_DAYS ?? null,
  }
  const memo = createMemo(config.MEMO_MEGABYTES)
  const record = createRecord({
    calendar,
    onRecorded: metrics.labelledCounter(
      'attribution_versions_total',
      'Versions of splits recorded.',
      'reason',
    ),
  })
  const inTurn = limitConcurrency(batchesAtOnce, batchesWaiting)
  const calculate = limitConcurrency(calculationsAtOnce, calculationsWaiting)
  registerMetrics(metrics, db, memo)

  await app.register(partners, { db, write, record, confirmTimeZone, vault, defaultCurrency })
  await app.register(plans, { db, write, defaultCurrency, calendar })
  await app.register(planApplications, { db, write })
  await app.register(commissions, { db })
  await app.register(ledger, { db, write, calendar })
  await app.register(statements, { db, defaultCurrency })
  await app.register(async (dated) => {
    dated.addHook('preHandler', async ({ method }) => {
      if (method !== 'GET') await confirmTimeZone()
    })
    await dated.register(events, {
      db,
      write,
      record,
      metrics,
      calendar,
      inTurn,
    })
    await dated.register(bulkImport, {
      ...linesOf({ db, record, vault, defaults }),
      inTurn,
      findCaller: callers.findCaller,
      clock: config.clock ?? systemClock,
      confirmTimeZone,
    })
    await dated.register(presence, {
      write,
      inTurn,
      follow: {
        deal: (trx, absence, by) => followDeals(trx, absence, { record, calendar, ...by }),
        event: (trx, absence, by) => followEvents(trx, absence, { record, calendar, ...by }),
      },
    })
    await dated.register(deals, { db, write, record, defaults })
    await dated.register(refunds, { db, write, record, calendar })
    await dated.register(splits, { db, write, record, calendar, memo, calculate })
  })
  await app.register(bulkSplits, { db, calendar, findCaller: callers.findCaller })
  await app.register(whatIf, { db, memo, defaults, calculate })
  await app.register(analytics, { db, defaultCurrency, calendar, toPartner: (row) => toPartner(vault, row) })
  await app.register(apiKeys, { db, write, forgetCallers: callers.forget })
  await app.register(audit, { db, calendar })
}

interface LineOptions {
  readonly db: Kysely<Database>
  readonly record: DealRecord
  readonly vault: Vault
  readonly defaults: DealDefaults
}

/** The kinds of lines that an import takes. */
function linesOf({ db, record, vault, defaults }: LineOptions) {
  const partner = createPartnerLines(db, record, vault)
  const event = createEventLines({ db, record, calendar: defaults.calendar })
  const deal = createDealLines({ db, record, defaults })
  const refund = createRefundLines({ db, record, calendar: defaults.calendar })
  return {
    submit: { partner: partner.submit, event: event.submit, deal: deal.submit, refund },
    declare: { partner: partner.declare, event: event.declare, deal: deal.declare, refund },
  }
}

function registerMetrics(metrics: Metrics, db: Kysely<Database>, memo: Memo): void {
  metrics.counter('attribution_memo_hits_total', 'Splits found in the memo.', () => memo.hits())
  metrics.counter('attribution_memo_misses_total', 'Splits that reads computed.', () => memo.misses())
  metrics.gauge('db_pool_connections', 'Open connections.', () => countConnections(db).open)
  metrics.gauge('db_pool_connections_idle', 'Open connections not in use.', () => countConnections(db).idle)
  metrics.gauge('db_pool_waiting', 'Callers that wait for a connection.', () => countConnections(db).waiting)
}

function serverOptions({ TRUST_PROXY }: Config): FastifyHttpOptions<Server> {
  return {
    trustProxy: TRUST_PROXY === undefined ? false : TRUST_PROXY.split(',').map((range) => range.trim()),
    logController,
    genReqId: () => randomUUID(),
    bodyLimit: 1_048_576,
    routerOptions: { maxParamLength: 1024 },
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerSocketError,
    requestTimeout: 15_000,
    connectionTimeout: 0,
    keepAliveTimeout: 75_000,
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, requireHostHeader: false },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    schemaController: { compilersFactory: { buildSerializer: compileSerializersOnce } },
  }
}
