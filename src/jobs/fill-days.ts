import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import type { ConfirmTimeZone } from '../database/time-zone.ts'
import type { DealRecord } from '../record/record.ts'
import { redateDeals, redateEvents } from '../record/redate.ts'
import type { Calendar } from '../values/calendar.ts'
import { runSteps } from './run-steps.ts'

interface Filling {
  readonly calendar: Calendar
  readonly record: DealRecord
  readonly confirmTimeZone: ConfirmTimeZone
}

const eventsAtOnce = 500
const dealsAtOnce = 100

/**
 * Makes a job that gives the rows of an earlier release their days, in batches, while the service runs. Several instances may
 * run it at once, and an interrupted batch has changed nothing.
 */
export function createDayFilling(db: Kysely<Database>, filling: Filling): () => Promise<void> {
  let isDone = false
  return () =>
    runSteps(async () => {
      // No later row is without a day: the database refuses it.
      isDone ||= !(await fillBatch(db, filling))
      return !isDone
    })
}

/** Fills in the days of some rows. Returns whether there were any. */
export async function fillBatch(db: Kysely<Database>, filling: Filling): Promise<boolean> {
  const events = await db
    .selectFrom('events')
    .select(['id', 'deal_id', 'timestamp', 'happened_on'])
    .where('happened_on', 'is', null)
    .orderBy('id')
    .limit(eventsAtOnce)
    .execute()
  const deals = await db
    .selectFrom('deals')
    .select('id')
    .where('closed_on', 'is', null)
    .orderBy('id')
    .limit(dealsAtOnce)
    .execute()
  if (events.length === 0 && deals.length === 0) return false
  await filling.confirmTimeZone()
  await redateEvents(db, filling.calendar, events)
  const dealIds = deals.map(({ id }) => id)
  if (dealIds.length > 0) await redateDeals(db, filling, dealIds)
  return true
}
