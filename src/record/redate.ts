import { type Kysely, sql, type Transaction } from 'kysely'
import { lockDeals } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import type { Calendar } from '../values/calendar.ts'
import { causeOf } from './cause.ts'
import { type Close, redateClose } from './read-close.ts'
import type { DealRecord } from './record.ts'
import { findRecorded, type RecordedDeal } from './recorded-deals.ts'

/** An event with the day on which it counts. Null: it has none yet, and counts on its day in UTC. */
export interface DatedEvent {
  readonly id: string
  readonly deal_id: string
  readonly timestamp: string
  readonly happened_on: string | null
}

/** A day of an event that has changed: reports take it away from the old day and add it to the new one. */
interface Move {
  readonly id: string
  readonly deal_id: string
  readonly stored: string | null
  readonly before: string
  readonly after: string
}

/** Gives events their days by this calendar. Returns how many had another one. */
export async function redateEvents(
  db: Kysely<Database>,
  calendar: Calendar,
  events: readonly DatedEvent[],
): Promise<number> {
  const moves = events.map((event) => toMove(event, calendar)).filter(({ stored, after }) => stored !== after)
  if (moves.length === 0) return 0
  return db.transaction().execute(async (trx) => {
    await lockDeals(
      trx,
      moves.map(({ deal_id }) => deal_id),
    )
    return moveEvents(trx, moves)
  })
}

function toMove({ id, deal_id, timestamp, happened_on }: DatedEvent, calendar: Calendar): Move {
  const after = calendar.dateOf(Date.parse(timestamp))
  return { id, deal_id, stored: happened_on, before: happened_on ?? timestamp.slice(0, 10), after }
}

// Another instance may have moved some of them before this one had the locks.
async function moveEvents(trx: Transaction<Database>, moves: readonly Move[]): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    update events set happened_on = after
    from json_to_recordset(${JSON.stringify(moves)}) as given (id text, stored date, after date)
    where events.id = given.id and happened_on is not distinct from stored
    returning events.id`.execute(trx)
  const moved = new Set(rows.map(({ id }) => id))
  const counted = moves.filter(({ id, before, after }) => moved.has(id) && before !== after)
  if (counted.length > 0)
    await sql`
      insert into touchpoint_deltas (deal_id, day, partner_id, touchpoint_type, touchpoints)
      select events.deal_id, side.day, partner_id, touchpoint_type, side.touchpoints
      from json_to_recordset(${JSON.stringify(counted)}) as given (id text, before date, after date)
        join events on events.id = given.id left join deals on deals.id = events.deal_id
        cross join lateral (values (given.before, -1), (given.after, 1)) as side (day, touchpoints)
      where events.voided_at is null and deals.voided_at is null`.execute(trx)
  return moved.size
}

interface Redating {
  readonly calendar: Calendar
  readonly record: DealRecord
}

/** Gives closed deals their days by this calendar; one whose day ends at another instant is split again. Returns how many changed. */
export function redateDeals(
  db: Kysely<Database>,
  { calendar, record }: Redating,
  dealIds: readonly string[],
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    await lockDeals(trx, dealIds)
    const changes = [...(await findRecorded(trx, dealIds)).values()].map((before) => {
      const close = redateClose(before.row, calendar)
      // A void deal has no split, and its day gets its end again when it is reinstated.
      const closed_until = before.row.voided_at === null ? close.closed_until : before.row.closed_until
      const terms = { ...termsOf(before), ...close, closed_until }
      const cause = causeOf({ api_key_ids: [], note: `TIME_ZONE is ${calendar.timeZone}.` })
      return { deal_id: before.row.id, before, after: { terms }, cause }
    })
    const redated = changes.filter(isRedated)
    // A deal that keeps its day may still change: other changes of its partners may precede the start of the day.
    const ofLeavers = await listDealsOfLeavers(trx, dealIds)
    const others = changes.filter((change) => !isRedated(change) && ofLeavers.has(change.deal_id))
    await record.change(trx, 'recalculated', [...redated, ...others])
    return redated.length
  })
}

/** Those of the deals whose touchpoints or percentages may be of a partner that left. */
async function listDealsOfLeavers(
  trx: Transaction<Database>,
  dealIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select id from deals
    where id = any(${dealIds}::text[]) and (attribution_model = 'agreed' or exists (
      select from events join partners on partners.id = partner_id
      where deal_id = deals.id and (has_left or status = 'inactive')
    ))`.execute(trx)
  return new Set(rows.map(({ id }) => id))
}

function isRedated({ before, after }: { before: RecordedDeal; after: { terms: Close } }): boolean {
  const { closed_on, closed_until } = before.row
  return after.terms.closed_on !== closed_on || after.terms.closed_until !== closed_until
}

function termsOf({ row }: RecordedDeal) {
  const { amount_minor, currency, attribution_model, model_parameters } = row
  return { amount_minor, currency, attribution_model, model_parameters }
}
