import { setTimeout } from 'node:timers/promises'
import { SingleBar } from 'cli-progress'
import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { rezone } from '../jobs/rezone.ts'
import { command, runCommand } from './command.ts'
import { withDatabase } from './with-database.ts'

// An instance that still runs reads the time zone every second, and a transaction that it has begun ends within 10 s.
const settleMs = 12_000

const rezoneAll = command({
  does: `Dates all deals and touchpoints in the time zone of TIME_ZONE. Stop every instance first, and start them again with the
same TIME_ZONE. An interrupted run goes on when it is started again.`,
  run: () =>
    withDatabase(async ({ db }, { TIME_ZONE: timeZone }) => {
      const bar = new SingleBar({ format: 'dating {bar} {value}/{total} rows' })
      bar.start((await countRows(db, 'events')) + (await countRows(db, 'deals')), 0)
      const { events, deals } = await rezone(db, {
        timeZone,
        settle: () => setTimeout(settleMs),
        onProgress: (rows) => bar.increment(rows),
      }).finally(() => bar.stop())
      console.log(`${events} touchpoints and ${deals} deals have another day in ${timeZone}.`)
    }),
})

async function countRows(db: Kysely<Database>, table: 'events' | 'deals'): Promise<number> {
  const { count } = await db
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

await runCommand('npm run rezone', rezoneAll)
