import { SingleBar } from 'cli-progress'
import type { Kysely } from 'kysely'
import type { Database } from '../database/tables.ts'
import { type Replayed, replayDeals } from '../record/replay.ts'
import { verifyLedger } from '../ledger/verify.ts'
import { verifyRollups } from '../rollups/verify.ts'
import { command, runCommand } from './command.ts'
import { withDatabase } from './with-database.ts'

const dealsAtOnce = 200

const verify = command({
  does: 'Splits every stored version again from the stored data and compares. The exit code is 1 if any differs.',
  options: {
    rollups: { help: 'compare the sums for reports with the record instead' },
    ledger: { help: 'check the ledger instead: posted is owed, locked months are as they were' },
  },
  run: ({ rollups, ledger }) =>
    withDatabase(async ({ db }) => {
      const check = rollups ? verifyRollupRows : ledger ? verifyLedgerRows : verifyVersions
      const differing = await check(db)
      if (differing > 0) process.exitCode = 1
    }),
})

async function verifyVersions(db: Kysely<Database>): Promise<number> {
  const { count } = await db
    .selectFrom('attributions')
    .select(({ fn }) => fn.countAll<bigint>().as('count'))
    .executeTakeFirstOrThrow()
  if (count === 0n) {
    console.log('The database has no versions to verify: no deal has been recorded yet.')
    return 0
  }
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

async function verifyLedgerRows(db: Kysely<Database>): Promise<number> {
  const checked = await verifyLedger(db)
  for (const { name, wrong } of checked) console.log(`${name}: ${wrong}`)
  return checked.reduce((sum, { wrong }) => sum + wrong, 0)
}

await runCommand('npm run verify', verify)
