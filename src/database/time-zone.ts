import type { Kysely } from 'kysely'
import { Unavailable } from '../errors.ts'
import { isSameTimeZone } from '../values/calendar.ts'
import type { Database } from './tables.ts'

/** Confirms that rows may be dated in the time zone of the service. Errors: 503 if those of the database are in another one. */
export type ConfirmTimeZone = () => Promise<void>

// `npm run rezone` waits until this is over.
const confirmedForMs = 1000

/**
 * Is called before rows are dated; at most one call a second asks the database. The first call stores the time zone, and only
 * `npm run rezone` changes it from then on, so two services with different settings cannot both date rows.
 */
export function createTimeZoneConfirmation(db: Kysely<Database>, timeZone: string): ConfirmTimeZone {
  let endsAt = -Infinity
  let confirming: Promise<void> | undefined

  async function confirm(): Promise<void> {
    const beganAt = performance.now()
    const stored = await findCalendar(db)
    if (stored === undefined) await storeTimeZone(db, timeZone)
    if (faultOf(stored ?? (await findCalendar(db)), timeZone) !== undefined) throw new Unavailable()
    endsAt = beganAt + confirmedForMs
  }

  return async () => {
    if (performance.now() < endsAt) return
    confirming ??= confirm().finally(() => (confirming = undefined))
    await confirming
  }
}

async function storeTimeZone(db: Kysely<Database>, time_zone: string): Promise<void> {
  await db
    .insertInto('calendar')
    .values({ time_zone })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Why a service with this time zone must not date rows; undefined if it may. */
export async function findTimeZoneFault(db: Kysely<Database>, timeZone: string): Promise<string | undefined> {
  return faultOf(await findCalendar(db), timeZone)
}

function findCalendar(db: Kysely<Database>) {
  return db.selectFrom('calendar').select(['time_zone', 'is_redating']).executeTakeFirst()
}

function faultOf(stored: Awaited<ReturnType<typeof findCalendar>>, timeZone: string): string | undefined {
  if (stored === undefined) return undefined
  const { time_zone, is_redating } = stored
  if (is_redating)
    return `The change of the time zone to ${time_zone} has not ended: set TIME_ZONE=${time_zone} and run \`npm run rezone\` again.`
  if (isSameTimeZone(time_zone, timeZone)) return undefined
  return `TIME_ZONE is ${timeZone}, but deals and touchpoints are dated in ${time_zone}: set TIME_ZONE=${time_zone}, or stop every instance and run \`npm run rezone\`, which dates them in ${timeZone}.`
}
