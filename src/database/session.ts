import { type Kysely, sql } from 'kysely'

/**
 * The settings that the queries rely on: text formats, isolation, durability and time limits. They are sent with every
 * connection, because the defaults of a server, a database or a role may differ. Values are spelt as PostgreSQL shows them.
 */
export const sessionSettings: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  // Answer a write only once it is on disk.
  synchronous_commit: 'on',
  exit_on_error: 'off',
  statement_timeout: '5s',
  lock_timeout: '2s',
  idle_in_transaction_session_timeout: '10s',
  idle_session_timeout: '0',
  // JIT compilation of an analytics query over a long range takes ten times as long as the query.
  jit: 'off',
}

/** Adds the settings to the URL of a database. They override the same settings in the URL. */
export function withSession(url: string): string {
  const [, address = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(url) ?? []
  const parameters = new URLSearchParams(query)
  const settings = Object.entries(sessionSettings).map(([name, value]) => `-c ${name}=${escape(value)}`)
  parameters.set('options', [parameters.get('options') ?? '', ...settings].join(' ').trim())
  return `${address}?${parameters.toString()}`
}

/** The names of the settings that the connections of `db` lack: a pooler such as PgBouncer may not pass them on. */
export async function findLostSettings<DB>(db: Kysely<DB>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from unnest(${Object.keys(sessionSettings)}::text[], ${Object.values(sessionSettings)}::text[]) as needed (name, value)
    where current_setting(name) <> value`.execute(db)
  return rows.map(({ name }) => name)
}

function escape(value: string): string {
  return value.replaceAll(/[\\ ]/g, String.raw`\$&`)
}
