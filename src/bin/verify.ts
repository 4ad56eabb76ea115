import { SingleBar } from 'cli-progress'
import { attribute } from '../attribution/attribute.ts'
import { openDatabase } from '../database/open.ts'
import { type Replayed, replayDeals } from '../record/replay.ts'
import { commandLog, loadEnvironment, run } from './environment.ts'

const dealsAtOnce = 200

await run(async () => {
  const database = await openDatabase(loadEnvironment(), commandLog)
  const bar = new SingleBar({ format: 'replaying {bar} {value}/{total} versions', noTTYOutput: false })
  try {
    const { count } = await database.db
      .selectFrom('attributions')
      .select(({ fn }) => fn.countAll<bigint>().as('count'))
      .executeTakeFirstOrThrow()
    bar.start(Number(count), 0)
    let versions = 0
    let differing = 0
    for (let after: string | undefined = ''; after !== undefined;) {
      const replayed: Replayed = await replayDeals(database.db, attribute, { after, limit: dealsAtOnce })
      for (const { deal_id, version, detail } of replayed.differences) {
        console.log(`deal ${deal_id}, version ${version}: ${detail}`)
      }
      versions += replayed.versions
      differing += replayed.differences.length
      bar.update(versions)
      after = replayed.next
    }
    bar.stop()
    console.log(`${versions} versions replayed, ${differing} differ`)
    if (differing > 0) process.exitCode = 1
  } finally {
    bar.stop()
    await database.close()
  }
})
