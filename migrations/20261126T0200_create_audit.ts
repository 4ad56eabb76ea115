import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table audit (
      id text collate "C" constraint audit_pkey primary key,
      at timestamptz(3) not null default date_trunc('milliseconds', clock_timestamp()),
      actor text not null constraint audit_actor_known check (actor in ('api_key', 'command_line', 'service')),
      key_id text collate "C" constraint audit_key_known references api_keys (id),
      action text collate "C" not null,
      subject_kind text collate "C" not null,
      subject_id text collate "C" not null,
      before jsonb,
      after jsonb,
      request_id text,
      constraint audit_key_acts check ((actor = 'api_key') = (key_id is not null)),
      constraint audit_entry_small check (
        octet_length(coalesce(before::text, '')) <= 8192 and octet_length(coalesce(after::text, '')) <= 8192
      )
    )`.execute(db)
  await sql`create index audit_newest on audit (at, id)`.execute(db)
  for (const filter of ['subject_id', 'key_id', 'action']) {
    await sql`create index ${sql.id(`audit_by_${filter}`)} on audit (${sql.ref(filter)}, at, id)`.execute(db)
  }
  await sql`
    create trigger audit_append_only before update or delete or truncate on audit
    for each statement execute function refuse_change()`.execute(db)

  // The release before goes on writing its table until its last instance is gone. The trigger is made before the copy,
  // and its lock waits for open writers, so that no reading is missed.
  await sql`
    create function audit_payout_reveal() returns trigger language plpgsql as $$
    begin
      ${insertReading('new')};
      return null;
    end $$`.execute(db)
  await sql`
    create trigger payout_reveals_audited after insert on payout_reveals
    for each row execute function audit_payout_reveal()`.execute(db)
  await sql`${insertReading('payout_reveals')} from payout_reveals`.execute(db)
}

function insertReading(reveal: string) {
  const column = (name: string) => sql.ref(`${reveal}.${name}`)
  return sql`
    insert into audit (id, at, actor, key_id, action, subject_kind, subject_id)
    select 'aud_' || substr(${column('id')}, 5), ${column('revealed_at')}, 'api_key', ${column('api_key_id')},
      'payout_details.read', 'partner', ${column('partner_id')}`
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger payout_reveals_audited on payout_reveals`.execute(db)
  await sql`drop function audit_payout_reveal()`.execute(db)
  await sql`drop table audit`.execute(db)
}
