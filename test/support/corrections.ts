import type { Kysely } from 'kysely'
import type { Database } from '../../src/database/tables.ts'
import { createRecord } from '../../src/record/record.ts'
import { replayDeals } from '../../src/record/replay.ts'
import { type Corrected, type EventCorrection, lockAndCorrect } from '../../src/events/correct.ts'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import type { TestApp } from './app.ts'

const calendar = createCalendar('UTC')
const record = createRecord({ calendar })

type Sent = Omit<EventCorrection, 'keyId'>

/** Corrects events in one transaction, as requests do. */
export function correct({ db }: Pick<TestApp, 'db'>, ...sent: readonly Sent[]): Promise<Corrected[]> {
  return db.transaction().execute((trx) => correctIn(trx, ...sent))
}

/** Corrects events in a transaction. */
export function correctIn(trx: Kysely<Database>, ...sent: readonly Sent[]): Promise<Corrected[]> {
  const corrections = sent.map((one) => ({ ...one, keyId: 'key_test' }))
  return lockAndCorrect(trx, { record, calendar }, corrections)
}

/** What differs between the record, its replay and the rollups: nothing, unless the service is wrong. */
export async function listFaults({ db }: Pick<TestApp, 'db'>): Promise<unknown[]> {
  const { differences } = await replayDeals(db, { after: '', limit: 10_000 })
  const rollups = (await verifyRollups(db)).filter(({ differing }) => differing > 0)
  return [...differences, ...rollups]
}
