import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { connectAsOwner, createDatabase } from '../support/database.ts'
import { describeSchema } from '../../tools/describe-schema.ts'

async function createOwner(t: Test) {
  const owner = connectAsOwner(t, (await createDatabase(t)).url)
  return {
    change: (statement: string) => sql.raw(statement).execute(owner),
    describe: () => describeSchema(owner),
  }
}

const words = (count: number) => 'word '.repeat(count).trimEnd()

const changes = [
  'alter table partners add column website text',
  'alter table partners alter name drop not null',
  'alter table partners alter name set default $$nobody$$',
  'alter table deals alter void_reason type varchar(500)',
  'alter table partners drop column updated_at',
  'alter table partners set (fillfactor = 70)',
  'alter table rate_limits set logged',
  'alter table deals drop constraint deals_amount_positive',
  'alter table shares disable trigger shares_append_only',
  'drop trigger audit_append_only on audit',
  'drop index deals_newest',
  'create table notes (text text)',
  'comment on column deals.version is $$another$$',
  'comment on table deals is null',
  'comment on view deal_figures is $$another$$',
  'comment on function refuse_change() is $$a comment$$',
  'create or replace view payouts as select *, 1 as one from shares',
  'drop function store_events(integer, json, text[], json, integer, boolean)',
  'create or replace function refuse_change() returns trigger language plpgsql as $$begin return null; end$$',
]

t.test('every change of the schema changes its description', async (t) => {
  const { change, describe } = await createOwner(t)

  let before = await describe()
  for (const statement of changes) {
    await change(statement)
    const after = await describe()

    t.not(after, before, statement)
    before = after
  }
})

t.test('a description names columns, constraints, indexes, triggers and comments', async (t) => {
  const { change, describe } = await createOwner(t)
  await change(`
    create unlogged table books (
      id integer generated always as identity constraint books_pkey primary key,
      title text collate "C" not null,
      title_length integer generated always as (length(title)) stored,
      pages integer default 1 constraint books_pages_counted check (pages > 0)
    ) with (fillfactor = 80);
    create index books_by_title on books (title) where pages > 10;
    create trigger books_append_only before delete on books for each statement execute function refuse_change();
    comment on table books is 'What is read.';
    comment on column books.pages is '${words(30)}'`)

  const text = await describe()

  const [, books] = text.split(/(?=^-- What is read)/m)
  t.equal(
    books?.slice(0, books.indexOf('\n\n')),
    `-- What is read.
CREATE UNLOGGED TABLE books (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  title text COLLATE "C" NOT NULL,
  title_length integer GENERATED ALWAYS AS (length(title)) STORED,
  -- ${words(21)}
  -- ${words(9)}
  pages integer DEFAULT 1,
  CONSTRAINT books_pkey PRIMARY KEY (id),
  CONSTRAINT books_pages_counted CHECK (pages > 0)
) WITH (fillfactor=80);
CREATE INDEX books_by_title ON books USING btree (title) WHERE pages > 10;
CREATE TRIGGER books_append_only BEFORE DELETE ON books FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();`,
  )
})

t.test('describeSchema fails on an object of a kind that it does not describe', async (t) => {
  const { change, describe } = await createOwner(t)
  await change('create materialized view totals as select count(*) from deals')

  await t.rejects(describe(), /^totals is a relation of kind m/)
})
