import { type Kysely, sql } from 'kysely'
import { Client } from 'pg'

/** Throws a sentence that names the setting with the URL, without its password, if no connection can be made. */
export async function requireAnswer<DB>(db: Kysely<DB>, setting: string, url: string): Promise<void> {
  try {
    await sql`select 1`.execute(db)
  } catch (cause) {
    const { user = '', database = '', host, port } = new Client({ connectionString: url })
    throw new Error(`${setting}: cannot connect as ${user} to the database ${database} at ${host}:${port}:`, {
      cause,
    })
  }
}
