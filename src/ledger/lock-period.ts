import { type Kysely, sql } from 'kysely'
import { insertAuditEntry } from '../audit/queries.ts'
import type { Actor } from '../audit/schemas.ts'
import { lockLedger, lockMergeRequests } from '../database/locks.ts'
import type { Database } from '../database/tables.ts'
import { LedgerNotReady, MergeRunning, MonthNotOver, PeriodChanged } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import {
  countMoves,
  findPeriod,
  firstDayOf,
  isLedgerReady,
  measureOpenMonths,
  monthAfter,
} from './period-queries.ts'
import type { Period } from './period-schemas.ts'

interface Locking {
  readonly month: string
  readonly expectedDigest: string | undefined
  readonly actor: Actor
  readonly calendar: Calendar
  readonly now: number
}

/**
 * Locks a month and every open month before it, for ever. A month that is locked stays as it is. Errors: 409 if the month
 * is not over, has another digest than expected, some deals have posted nothing yet, or a merge of partners is running.
 */
export async function lockPeriod(
  trx: Kysely<Database>,
  { month, expectedDigest, actor, calendar, now }: Locking,
): Promise<Period> {
  if (calendar.dateOf(now) < firstDayOf(monthAfter(month))) throw new MonthNotOver(month)
  if (!(await isLedgerReady(trx))) throw new LedgerNotReady()
  await refuseDuringMerge(trx)
  // Digests take seconds in a large ledger, so they are computed before posters have to wait. Moves are only ever added.
  await sql`set local statement_timeout = '60s'`.execute(trx)
  const measured = await measureOpenMonths(trx, month)
  await lockLedger(trx)
  const counts = await countMoves(
    trx,
    measured.map((period) => period.month),
  )
  const isSame = measured.every((period) => period.moves_count === (counts.get(period.month) ?? 0n))
  const locked = isSame ? measured : await measureOpenMonths(trx, month)
  const { digest } = locked.at(-1) ?? {}
  const current = digest?.toString('hex') ?? (await findPeriod(trx, month)).digest
  if (expectedDigest !== undefined && expectedDigest !== current) throw new PeriodChanged(month)
  await insertPeriods(trx, locked, actor)
  return findPeriod(trx, month)
}

// A merge moves what deals owe to another partner: statements would show a part of it.
async function refuseDuringMerge(trx: Kysely<Database>): Promise<void> {
  await lockMergeRequests(trx)
  const running = await trx
    .selectFrom('partner_merges')
    .select('partner_id')
    .where('finished_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  if (running !== undefined) throw new MergeRunning(running.partner_id)
}

async function insertPeriods(
  trx: Kysely<Database>,
  months: Awaited<ReturnType<typeof measureOpenMonths>>,
  actor: Actor,
): Promise<void> {
  if (months.length === 0) return
  const { rows } = await sql<{ month: string }>`
    insert into periods (month, moves_count, digest, locked_at, locked_by)
    select month, moves_count, decode(digest, 'hex'), date_trunc('milliseconds', clock_timestamp()), ${actor.key_id}
    from json_to_recordset(${JSON.stringify(months.map(toJson))}) as given (month date, moves_count bigint, digest text)
    on conflict do nothing returning to_char(month, 'YYYY-MM') as month`.execute(trx)
  for (const { month } of rows)
    await insertAuditEntry(trx, actor, {
      action: 'period.locked',
      subject_kind: 'period',
      subject_id: month,
    })
}

function toJson({ month, moves_count, digest }: Awaited<ReturnType<typeof measureOpenMonths>>[0]) {
  return { month, moves_count: String(moves_count), digest: digest.toString('hex') }
}
