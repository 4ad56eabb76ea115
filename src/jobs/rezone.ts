import type { Kysely, Selectable } from 'kysely'
import type { Database } from '../database/tables.ts'
import { createRecord } from '../record/record.ts'
import { redateDeals, redateEvents } from '../record/redate.ts'
import { createCalendar } from '../values/calendar.ts'

const eventsAtOnce = 1000
const dealsAtOnce = 100

interface Rezoning {
  readonly timeZone: string
  /** Waits until no instance writes that has read the earlier time zone. */
  readonly settle: () => Promise<void>
  /** Is told how many rows have been read. */
  readonly onProgress: (rows: number) => void
}

interface Rezoned {
  readonly events: number
  readonly deals: number
}

/**
 * Dates everything in another time zone and returns how many rows had another day. Until it has ended the service does not
 * start and writes nothing that has a day. An interrupted run goes on when it is started again. Throws if a month is locked.
 */
export async function rezone(
  db: Kysely<Database>,
  { timeZone, settle, onProgress }: Rezoning,
): Promise<Rezoned> {
  await refuseAfterLock(db)
  await setCalendar(db, { time_zone: timeZone, is_redating: true })
  await settle()
  const calendar = createCalendar(timeZone)
  const redating = { calendar, record: createRecord({ calendar }) }
  const changed = { events: 0, deals: 0 }

  for (let after: string | undefined = ''; after !== undefined;) {
    const events = await db
      .selectFrom('events')
      .select(['id', 'deal_id', 'timestamp', 'happened_on'])
      .where('id', '>', after)
      .orderBy('id')
      .limit(eventsAtOnce)
      .execute()
    changed.events += await redateEvents(db, calendar, events)
    onProgress(events.length)
    after = events.at(-1)?.id
  }
  for (let after: string | undefined = ''; after !== undefined;) {
    const deals = await db
      .selectFrom('deals')
      .select('id')
      .where('id', '>', after)
      .orderBy('id')
      .limit(dealsAtOnce)
      .execute()
    const ids = deals.map(({ id }) => id)
    if (ids.length > 0) changed.deals += await redateDeals(db, redating, ids)
    onProgress(ids.length)
    after = ids.at(-1)
  }
  await setCalendar(db, { time_zone: timeZone, is_redating: false })
  return changed
}

// A locked month never changes, so its deals keep their days.
async function refuseAfterLock(db: Kysely<Database>): Promise<void> {
  const locked = await db.selectFrom('periods').select('month').limit(1).executeTakeFirst()
  if (locked !== undefined)
    throw new Error('The time zone cannot change any more: a month of the ledger is locked.')
}

type CalendarRow = Selectable<Database['calendar']>

async function setCalendar(db: Kysely<Database>, calendar: CalendarRow): Promise<void> {
  await db
    .insertInto('calendar')
    .values(calendar)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await db.updateTable('calendar').set(calendar).execute()
}
