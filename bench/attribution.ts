import { sql } from 'kysely'
import { connect } from '../src/database/connect.ts'
import { rebuildRollups } from '../src/rollups/verify.ts'
import { fill } from '../test/support/fill.ts'
import { alternate, measure } from './support/load.ts'
import { setStage } from './support/stage.ts'

// GET /attribution/:dealId at 64 connections, beside the same route without a database and the same with one SELECT.
const rounds = Number(process.env['ROUNDS'] ?? 5)
const seconds = Number(process.env['SECONDS'] ?? 4)
const deals = 20_000

const stage = await setStage()
try {
  await fill(stage.client, deals)
  const db = connect({ url: stage.url, max: 2, log: console })
  await rebuildRollups(db)
  await sql`vacuum analyze`.execute(db)
  await db.destroy()
  const of = (address: string) => () =>
    measure({ address, key: stage.key, extent: { duration: seconds }, requests: readsOf })
  const measured = {
    ours: of((await stage.start('src/bin/serve.ts')).address),
    ceiling: of((await stage.start('bench/support/yardstick.ts', 'ceiling')).address),
    plain: of((await stage.start('bench/support/yardstick.ts', 'plain')).address),
  }
  await alternate(1, measured)
  const { ours, ceiling, plain } = await alternate(rounds, measured)
  console.log(`GET /attribution/:dealId  ${ours.toFixed(0)}/s`)
  console.log(
    `  the ceiling             ${ceiling.toFixed(0)}/s   ours / ceiling  ${(ours / ceiling).toFixed(2)}`,
  )
  console.log(
    `  the plain way           ${plain.toFixed(0)}/s   ours / plain    ${(ours / plain).toFixed(2)}`,
  )
} finally {
  await stage.clear()
}

function readsOf(connection: number) {
  return Array.from({ length: 200 }, (_, number) => ({
    method: 'GET' as const,
    path: `/attribution/deal-${1 + ((connection * 7919 + number * 104_729) % deals)}`,
  }))
}
