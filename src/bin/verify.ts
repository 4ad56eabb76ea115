import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import type { Kysely } from 'kysely'
import { openDatabase } from '../database/open-database.ts'
import type { Database } from '../database/tables.ts'
import { type Replayed, replayDeals } from '../record/replay.ts'
import { verifyRollups } from '../rollups/verify.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const dealsAtOnce = 200
const { values } = parseArgs({ options: { rollups: { type: 'boolean', default: false } } })

await run(async () => {
  const database = await openDatabase(loadEnvironment(), commandLog)
  try {
    const differing = await (values.rollups ? verifyRollupRows(database.db) : verifyVersions(database.db))
    if (differing > 0) process.exitCode = 1
  } finally {
    await database.close()
  }
})

async function verifyVersions(db: Kysely<Database>): Promise<number> {
  const { count } = await db
    .selectFrom('attributions')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  const bar = new SingleBar({ format: 'replaying {bar} {value}/{total} versions' })
  bar.start(Number(count), 0)
  let versions = 0
  let differing = 0
  try {
    for (let after: string | undefined = ''; after !== undefined;) {
      const replayed: Replayed = await replayDeals(db, { after, limit: dealsAtOnce })
      for (const { deal_id, version, detail } of replayed.differences) {
        console.log(`deal ${deal_id}, version ${version}: ${detail}`)
      }
      versions += replayed.versions
      differing += replayed.differences.length
      bar.update(versions)
      after = replayed.next
    }
  } finally {
    bar.stop()
  }
  console.log(`${versions} versions replayed, ${differing} differ`)
  return differing
}

async function verifyRollupRows(db: Kysely<Database>): Promise<number> {
  const checked = await verifyRollups(db)
  for (const { name, differing } of checked) console.log(`${name}: ${differing} rows differ from the record`)
  return checked.reduce((sum, { differing }) => sum + differing, 0)
}
