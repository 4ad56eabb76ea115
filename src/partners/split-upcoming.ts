import { type Kysely, sql } from 'kysely'
import type { Actor } from '../audit/schemas.ts'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { invalid } from '../errors.ts'
import { causeOf } from '../record/cause.ts'
import type { DealRecord } from '../record/record.ts'
import { findRecorded } from '../record/recorded-deals.ts'
import { toTimestamp } from '../values/instants.ts'

interface TermsChange {
  readonly record: DealRecord
  readonly partnerId: string
  readonly changedAt: string
  readonly changed: 'credit' | 'group'
  readonly actor: Actor
}

const mostDeals = 1000
const twoDays = 2 * 86_400_000

/**
 * Splits the deals of a partner again that close after the day on which its credit or group changed, and computes what they
 * owe: a close may be recorded up to a day ahead. Errors: 400 if there are more than 1,000.
 */
export async function splitUpcoming(
  trx: Kysely<Database>,
  { record, partnerId, changedAt, changed, actor: { key_id } }: TermsChange,
): Promise<void> {
  const share = JSON.stringify([{ partner_id: partnerId }])
  // In every time zone the next day is the date in UTC or a later one. Deals of this date that closed before keep their splits.
  const { rows } = await sql<{ id: string }>`
    select id from deals
    where closed_date > ${toTimestamp(Date.parse(changedAt) - twoDays)} and closed_on >= ${changedAt.slice(0, 10)}
      and voided_at is null
      and (exists (select from events where deal_id = deals.id and partner_id = ${partnerId})
        or model_parameters -> 'shares' @> ${share}::jsonb)
      and (${changed === 'credit'} or exists (
        select from commission_plan_versions
        where plan_id = commission_plan_id and version = commission_plan_version and jsonb_path_exists(rules, '$[*].when.groups')
      ))
    limit ${mostDeals + 1}`.execute(trx)
  if (rows.length > mostDeals) {
    const detail = `More than ${mostDeals} deals of the partner close today or later: change its ${changed} when they have closed.`
    throw invalid([{ pointer: '', detail }])
  }
  const ids = rows.map(({ id }) => id)
  await lockDeals(trx, ids)
  const cause = causeOf({
    api_key_ids: key_id === null ? [] : [key_id],
    note: `The ${changed} of partner ${partnerId} changed.`,
  })
  const deals = await findRecorded(trx, ids)
  const changes = [...deals].map(([deal_id, before]) => ({
    deal_id,
    before,
    picksAgain: 'groups' as const,
    cause,
  }))
  await record.change(trx, 'recalculated', changes)
}
