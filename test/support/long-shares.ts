import { Client } from 'pg'
import { fillDatabase } from './fill-database.ts'

/** Fills a database so that a page of an export does not fit into the buffers of a connection: 6 kB a line. */
export async function fillWithLongShares(ownerUrl: string, deals: number) {
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  try {
    await fillDatabase(client, deals)
    await client.query('set session_replication_role = replica')
    const { rowCount } = await client.query(`update shares set role = repeat('demo, ', 1000)`)
    return { lines: rowCount as number }
  } finally {
    await client.end()
  }
}
