import type { OpenAPIV3 } from 'openapi-types'
import * as errors from '../errors.ts'
import { known, toProblem } from '../http/problems.ts'

const deal = 'deal-123'
const event = 'event-1'
const refund = 'ref-1'
const partner = 'p1'
const plan = 'plan-2024'
const key = 'key_01a2050e-876d-71a8-8231-02994b4f5342'
const requestId = '5c8b7f62-3f0e-4d0a-9a55-0d0b8a6f1c2e'

// Swagger UI shows the first one of each status.
const shown: readonly Error[] = [
  errors.invalid([
    {
      pointer: '/amount',
      detail: 'An amount in USD has at most 2 decimals, is above 0 and at most USD 9,999,999,999,999.99.',
    },
  ]),
  Object.assign(new errors.UnknownReference(), {
    faults: [{ pointer: '/partner_id', detail: `No partner has the id ${partner}.` }],
  }),
  new errors.MalformedRequest('The body is not valid JSON.'),
  new errors.Unauthenticated(),
  new errors.Forbidden('write'),
  new errors.DealNotFound(deal),
  new errors.PartnerNotFound(partner),
  new errors.EventNotFound(event),
  new errors.PlanNotFound(plan),
  new errors.RefundNotFound(refund),
  new errors.KeyNotFound(key),
  new errors.VersionNotFound(deal),
  new errors.MergeNotFound(partner),
  new errors.RequestTimeout('The upload is too slow: at least 32 kB must arrive every 30 seconds.'),
  new errors.RequestInFlight(),
  new errors.PartnerExists(partner),
  new errors.EmailTaken(),
  new errors.EventExists(event),
  new errors.DealExists(deal),
  new errors.RefundExists(refund),
  new errors.RefundTooLarge(deal, 'USD 500.00'),
  new errors.DealRefunded(deal, 'USD 500.00'),
  new errors.PartnerInactive(partner),
  new errors.PartnerMerged(partner, 'p2'),
  new errors.MergeRunning(partner),
  new errors.MonthNotOver('2026-11'),
  new errors.PeriodChanged('2026-10'),
  new errors.LedgerNotReady(),
  new errors.DealFull(deal),
  new errors.DealVoid(deal),
  new errors.EventVoid(event),
  new errors.PlanExists(plan),
  new errors.PlanBuiltIn('full'),
  new errors.TooManyApplications(),
  new errors.LastAdminKey(),
  new errors.KeyRevoked(key),
  new errors.KeyRotated(key),
  new errors.Conflict(),
  new errors.PayloadTooLarge(),
  new errors.UnsupportedMediaType(),
  new errors.IdempotencyKeyReused(),
  new errors.RateLimited(),
  new errors.InternalError(),
  new errors.Unavailable(),
  new errors.PayoutKeysMissing(),
  new errors.TooManyImports(),
]
const problems = shown.map((error) => toProblem(known(error), requestId))

/** The problems of a status as examples, by their codes. */
export function problemExamples(status: number): Record<string, OpenAPIV3.ExampleObject> {
  const ofStatus = problems.filter((problem) => problem.status === status)
  return Object.fromEntries(ofStatus.map((problem) => [problem.code, { value: problem }]))
}
