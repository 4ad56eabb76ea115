import { type Kysely, sql } from 'kysely'

/** The statements of locked months, as partners got them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table statements (
      partner_id text collate "C" not null,
      currency text not null,
      month date not null,
      opening_minor numeric not null,
      closing_minor numeric not null,
      csv text not null,
      digest bytea not null,
      constraint statements_pkey primary key (partner_id, currency, month)
    )`.execute(db)
  await sql`
    create table frozen_months (
      month date constraint frozen_months_pkey primary key,
      frozen_at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp())
    )`.execute(db)
  for (const table of ['statements', 'frozen_months'])
    await sql`
      create trigger ${sql.id(`${table}_append_only`)} before update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_change()`.execute(db)
  const tables = {
    statements:
      'The statement of a locked month for each partner and currency with an opening or a line. Append-only.',
    frozen_months: 'The locked months whose statements are stored. Append-only.',
  }
  const columns = {
    'statements.month': 'The first day of the month.',
    'statements.opening_minor': 'What was payable before the month, in minor units of the currency.',
    'statements.closing_minor': 'What was payable after the month.',
    'statements.csv': 'The statement as CSV, all lines.',
    'statements.digest':
      'SHA-256 of the digest of the statement before as hexadecimal text (nothing for the first), a newline, and csv.',
    'frozen_months.month': 'The first day of the month.',
  }
  for (const [table, text] of Object.entries(tables))
    await sql`comment on table ${sql.table(table)} is ${sql.lit(text)}`.execute(db)
  for (const [column, text] of Object.entries(columns))
    await sql`comment on column ${sql.ref(column)} is ${sql.lit(text)}`.execute(db)
}

export async function down(): Promise<void> {
  throw new Error('Statements of locked months are append-only: restore a backup to go back.')
}
