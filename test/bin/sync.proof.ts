import { sql } from 'kysely'
import t from 'tap'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { createRandom } from '../support/random.ts'
import { createService } from './import-command.ts'

const nights = Number(process.env['SYNC_NIGHTS'] ?? 8)
const size = Number(process.env['SYNC_DEALS'] ?? 300)
// Of a thousand deals each night.
const changing = 20
const vanishing = 5

interface Row {
  readonly id: string
  readonly amount: number
  readonly version: number
}

t.test('after each nightly export the service says what the export says', async (t) => {
  const { load, db } = await createService(t)
  const random = createRandom(16)
  let rows: readonly Row[] = Array.from({ length: size }, (_, n) => ({
    id: `deal-${n}`,
    amount: 1000 + n,
    version: 1,
  }))
  const gone = new Map<string, Row>()
  const sync = async () => {
    const lines = rows.map(({ id, amount }) => `${id};${amount},50;20.01.2024\n`)
    const { code, stderr } = await load(
      { 'deals.csv': `id;amount;closed_date\n${lines.join('')}` },
      '--update',
      '--void-missing',
      '--source=crm',
      '--kind=deal',
      '--set=attribution_model=equal',
      '--date-format=DD.MM.YYYY',
      '--decimal-comma',
    )
    t.equal(code, 0, stderr)
  }
  const confirm = async (night: number) => {
    const { rows: stored } = await sql<Row>`
      select id, amount_minor::float / 100 - 0.5 as amount, version from deals where voided_at is null order by id`.execute(
      db,
    )
    t.strictSame(
      stored,
      [...rows].sort((a, b) => (a.id < b.id ? -1 : 1)),
      `night ${night}`,
    )
    const { rows: hidden } = await sql<{ id: string; version: number }>`
      select id, version from deals where void_reason = 'Missing from crm' order by id`.execute(db)
    const missing = [...gone.values()].map(({ id, version }) => ({ id, version }))
    t.strictSame(
      hidden,
      missing.sort((a, b) => (a.id < b.id ? -1 : 1)),
    )
  }

  await sync()
  for (let night = 1; night <= nights; night += 1) {
    const back = new Map([...gone].filter(() => random(2) === 0))
    for (const id of back.keys()) gone.delete(id)
    const returned = [...back.values()].map((row) => ({ ...row, version: row.version + 1 }))
    const kept: Row[] = []
    for (const row of rows) {
      const chance = random(1000)
      if (chance < vanishing) gone.set(row.id, { ...row, version: row.version + 1 })
      else if (chance < vanishing + changing)
        kept.push({ ...row, amount: row.amount + 1, version: row.version + 1 })
      else kept.push(row)
    }
    rows = [...kept, ...returned]
    await sync()
    await confirm(night)
  }

  const before = await measure()
  await sync()
  const after = await measure()

  console.error(
    `a night in which nothing changed: ${after.wal - before.wal} bytes of WAL, rows ${JSON.stringify(after.rows)}`,
  )
  t.strictSame(after.rows, before.rows)
  t.notOk((await verifyRollups(db)).some(({ differing }) => differing > 0))

  /** How often each table was written, and the place in the WAL. */
  async function measure() {
    const tables = [
      'deals',
      'attributions',
      'shares',
      'events',
      'partners',
      'audit',
      'source_items',
      'deal_deltas',
      'partner_deltas',
    ]
    const counts = await Promise.all(
      tables.map(async (name) => {
        const { rows: found } = await sql<{ count: number; newest: number }>`
          select count(*)::int as count, coalesce(max(xmin::text::bigint), 0)::int as newest from ${sql.table(name)}`.execute(
          db,
        )
        return [name, found[0]!.count, found[0]!.newest] as const
      }),
    )
    const { rows: wal } = await sql<{ at: number }>`
      select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float as at`.execute(db)
    return { rows: counts, wal: wal[0]!.at }
  }
})
