import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import type { Test } from 'tap'
import type { Database } from '../../src/database/tables.ts'
import { createApp } from '../support/app.ts'
import { runCommand } from './processes.ts'

/** A listening app, and the import command as a process that sends to it. */
export async function createService(t: Test) {
  const { app, db, key } = await createApp(t)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, db, ...createImport({ url, key, folder: t.testdir() }) }
}

export function createImport(home: { readonly url: string; readonly key: string; readonly folder: string }) {
  const load = async (files: Readonly<Record<string, string | Buffer>>, ...options: readonly string[]) => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(home.folder, name), content)
    const args = [...Object.keys(files), '--url', home.url, ...options]
    return runCommand('src/bin/import.ts', args, { folder: home.folder, env: { API_KEY: home.key } })
  }
  return { ...home, load }
}

export function toNdjson(rows: readonly unknown[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/** The rows of the tables that an import fills, without timestamps, transaction ids and API keys. */
export async function dump(db: Kysely<Database>): Promise<unknown> {
  const tables = ['partners', 'events', 'deals', 'attributions', 'shares'].map(async (table) => {
    const { rows } = await sql<{ row: object }>`
      select to_jsonb(t) - '{created_at,updated_at,calculated_at,transaction_id,cause}'::text[] as row
      from ${sql.table(table)} t order by 1`.execute(db)
    return [table, rows.map(({ row }) => row)]
  })
  return Object.fromEntries(await Promise.all(tables))
}
