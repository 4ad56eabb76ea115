import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import type { Kysely } from 'kysely'
import { openDatabase } from '../database/open-database.ts'
import type { Database } from '../database/tables.ts'
import { rezone } from '../jobs/rezone.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const usage = `Usage: npm run rezone
Dates all deals and touchpoints in the time zone of TIME_ZONE. Stop every instance first, and start them again with the
same TIME_ZONE. An interrupted run goes on when it is started again.`

// An instance that still runs reads the time zone every second, and a transaction that it has begun ends within 10 s.
const settleMs = 12_000

await run(async () => {
  const { values } = parseArgs({ options: { help: { type: 'boolean', default: false } } })
  if (values.help) return console.log(usage)
  const environment = loadEnvironment()
  const database = await openDatabase(environment, commandLog)
  const bar = new SingleBar({ format: 'dating {bar} {value}/{total} rows' })
  try {
    const { db } = database
    bar.start((await countRows(db, 'events')) + (await countRows(db, 'deals')), 0)
    const { events, deals } = await rezone(db, {
      timeZone: environment.TIME_ZONE,
      settle: () => setTimeout(settleMs),
      onProgress: (rows) => bar.increment(rows),
    })
    bar.stop()
    console.log(`${events} touchpoints and ${deals} deals have another day in ${environment.TIME_ZONE}.`)
  } finally {
    bar.stop()
    await database.close()
  }
})

async function countRows(db: Kysely<Database>, table: 'events' | 'deals'): Promise<number> {
  const { count } = await db
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}
