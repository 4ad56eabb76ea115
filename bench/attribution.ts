import { sql } from 'kysely'
import { connect } from '../src/database/connect.ts'
import { rebuildRollups } from '../src/rollups/verify.ts'
import { fillDatabase } from '../test/support/fill-database.ts'
import { alternate, measure } from './support/load.ts'
import { createTestBed } from './support/test-bed.ts'

// Compares GET /attribution/:dealId at 64 connections with the same route without a database and with a single SELECT.
const rounds = Number(process.env['ROUNDS'] ?? 5)
const seconds = Number(process.env['SECONDS'] ?? 4)
const deals = 20_000

const testBed = await createTestBed()
try {
  await fillDatabase(testBed.client, deals)
  const db = connect({ url: testBed.url, max: 2, log: console })
  await rebuildRollups(db)
  await sql`vacuum analyze`.execute(db)
  await db.destroy()
  const measureAt = (address: string) => () =>
    measure({ address, key: testBed.key, extent: { duration: seconds }, requests: readsOf })
  const measured = {
    ours: measureAt((await testBed.start('src/bin/serve.ts')).address),
    noDatabase: measureAt((await testBed.start('bench/support/baseline-server.ts', 'no-database')).address),
    naive: measureAt((await testBed.start('bench/support/baseline-server.ts', 'naive')).address),
  }
  await alternate(1, measured)
  const { ours, noDatabase, naive } = await alternate(rounds, measured)
  console.log(`GET /attribution/:dealId  ${ours.toFixed(0)}/s`)
  console.log(
    `  without a database      ${noDatabase.toFixed(0)}/s   ours / without a database  ${(ours / noDatabase).toFixed(2)}`,
  )
  console.log(
    `  naive                   ${naive.toFixed(0)}/s   ours / naive               ${(ours / naive).toFixed(2)}`,
  )
} finally {
  await testBed.clear()
}

function readsOf(connection: number) {
  return Array.from({ length: 200 }, (_, number) => ({
    method: 'GET' as const,
    path: `/attribution/deal-${1 + ((connection * 7919 + number * 104_729) % deals)}`,
  }))
}
