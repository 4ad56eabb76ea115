import { type Kysely, sql } from 'kysely'

// Nothing that is derived from payout details may outlive them: not the digest of a submission that held them, sealed or
// not, and not their masked form in a stored answer.
export async function up(db: Kysely<unknown>): Promise<void> {
  // What the service computes: SHA-256 over the submission without its details, as JSON with sorted members.
  await sql`
    create function partner_submission(id text, name text, email text) returns bytea language sql immutable as $$
      select sha256(convert_to(
        format('{"email":%s,"id":%s,"name":%s}', to_json(email), to_json(id), to_json(name)), 'UTF8'))
    $$`.execute(db)
  // The triggers are for instances of the release before, until they are gone. They come first: making them waits for
  // open writers, so that the updates see every row that was written without them.
  await sql`
    create function replace_sealed_submission() returns trigger language plpgsql as $$
    begin
      new.submission := partner_submission(new.id, new.name, new.email);
      return new;
    end $$`.execute(db)
  await sql`
    create trigger partners_submission_plain before insert on partners
    for each row when (octet_length(new.submission) <> 32) execute function replace_sealed_submission()`.execute(
    db,
  )
  await sql`
    create function drop_masked_details() returns trigger language plpgsql as $$
    begin
      new.answer := jsonb_set(new.answer::jsonb, '{partner,payout_details}', 'null');
      return new;
    end $$`.execute(db)
  await sql`
    create trigger idempotency_keys_without_details before insert or update on idempotency_keys
    for each row when (new.answer -> 'partner' ->> 'payout_details' is not null)
    execute function drop_masked_details()`.execute(db)

  await sql`
    update partners set submission = partner_submission(id, name, email)
    where octet_length(submission) <> 32`.execute(db)
  await sql`
    update idempotency_keys set answer = answer
    where answer -> 'partner' ->> 'payout_details' is not null`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger idempotency_keys_without_details on idempotency_keys`.execute(db)
  await sql`drop trigger partners_submission_plain on partners`.execute(db)
  await sql`drop function drop_masked_details(), replace_sealed_submission()`.execute(db)
  await sql`drop function partner_submission(text, text, text)`.execute(db)
}
