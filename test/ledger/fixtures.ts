import { sql } from 'kysely'
import { createApp, type TestApp } from '../support/app.ts'
import { givenEvent, givenPartner } from '../support/fixtures.ts'

const timestamp = '2024-01-10T12:00:00Z'
const closed_date = '2024-01-20T12:00:00Z'

/** A service with the partners p1 and p2, and the plan `twelve`: 12 %, held for 30 days. */
export async function createLedger(t: Parameters<typeof createApp>[0]): Promise<TestApp> {
  const service = await createApp(t)
  for (const id of ['p1', 'p2']) await givenPartner(service, id)
  await givenPlan(service, 'twelve', { rules: [{ rate: '12' }], hold_days: 30 })
  return service
}

export async function givenPlan({ call }: TestApp, id: string, version: object) {
  const plan = { id, name: id, effective_from: '2024-01-01', ...version }
  const made = await call('POST', '/commission-plans', plan)
  if (made.statusCode !== 201) throw new Error(made.body)
}

/** Closes a deal of 50,000 that is split 80/20 between p1 and p2: at 12 %, 4,800 and 1,200. */
export async function givenSplitDeal(service: TestApp, id: string, deal: object = {}) {
  for (const [partner_id, touchpoint_type] of [
    ['p1', 'referral'],
    ['p1', 'closer'],
    ['p2', 'demo'],
  ])
    await givenEvent(service, { partner_id, deal_id: id, touchpoint_type, timestamp })
  const terms = { attribution_model: 'role-based', commission_plan_id: 'twelve', closed_date }
  const closed = await service.call('POST', '/deals', { id, amount: 50_000, ...terms, ...deal })
  if (closed.statusCode !== 201) throw new Error(closed.body)
}

/** The support touchpoint of p2 after which the split is 35,294.12 and 14,705.88: at 12 %, 4,235.29 and 1,764.71. */
export function givenLateTouch(service: TestApp, deal_id: string) {
  return givenEvent(service, {
    partner_id: 'p2',
    deal_id,
    touchpoint_type: 'support',
    timestamp: '2024-01-18T12:00:00Z',
  })
}

/** The moves of a deal in the order in which they were posted: version, partner, amount, period, days. */
export async function readMoves({ db }: Pick<TestApp, 'db'>, dealId: string) {
  const { rows } = await sql<{ move: readonly (string | number)[] }>`
    select json_build_array(source_version, partner_id, currency,
      case credit when 'payable' then amount_minor else -amount_minor end, to_char(period, 'YYYY-MM'), effective_on,
      available_on) as move
    from ledger_moves where deal_id = ${dealId} order by source_version, line`.execute(db)
  return rows.map(({ move }) => move)
}

/** Locks months up to this one by SQL. */
export async function givenLock({ db }: Pick<TestApp, 'db'>, month: string) {
  await sql`
    insert into periods (month, moves_count, digest, locked_at)
    values (${`${month}-01`}, 0, '', date_trunc('milliseconds', clock_timestamp()))`.execute(db)
}
