import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import { connect } from '../../src/database/connect.ts'
import { startEmbedded } from '../../src/postgres/embedded.ts'
import { migrateToLatest } from '../../src/database/migrate.ts'
import { migrateAsOwner, openDatabase } from '../../src/database/open-database.ts'
import { admitService, canChangeSchema } from '../../src/database/roles.ts'
import type { Database } from '../../src/database/tables.ts'
import { createApp } from '../support/app.ts'
import { connectAsOwner, createDatabase } from '../support/database.ts'
import { givenPartner } from '../support/fixtures.ts'
import { makeHostile } from '../support/hostile-defaults.ts'
import { quietLog } from '../support/log.ts'

const denied = { code: '42501' } as unknown as Error

async function givenService(t: Test) {
  const { url } = await createDatabase(t)
  const owner = connectAsOwner(t, url)
  await admitService(owner, url)
  const service = connect({ url, max: 2, log: quietLog })
  t.teardown(() => service.destroy())
  return { url, owner, service }
}

async function listTables(db: Kysely<Database>, condition = sql`true`): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and ${condition} order by relname`.execute(
    db,
  )
  return rows.map(({ name }) => name)
}

const isAppendOnly = sql`exists (
  select from pg_trigger where tgrelid = pg_class.oid and tgfoid = 'refuse_change'::regproc)`

t.test('the role of the service cannot change an append-only table', async (t) => {
  const { service, owner } = await givenService(t)
  const tables = await listTables(owner, isAppendOnly)
  t.ok(['attributions', 'shares', 'payout_reveals'].every((table) => tables.includes(table)))

  const columns: Record<string, string> = {
    attributions: 'deal_id',
    shares: 'deal_id',
    past_partner_terms: 'partner_id',
    event_revisions: 'event_id',
    commission_plan_versions: 'plan_id',
    commission_versions: 'deal_id',
    commission_lines: 'deal_id',
    ledger_moves: 'deal_id',
    periods: 'locked_by',
    statements: 'partner_id',
    frozen_months: 'month',
  }
  for (const table of tables) {
    const column = columns[table] ?? 'id'
    for (const statement of [
      `update ${table} set ${column} = ${column}`,
      `delete from ${table}`,
      `truncate ${table} cascade`,
      `alter table ${table} disable trigger ${table}_append_only`,
      `alter table ${table} disable trigger all`,
    ]) {
      await t.rejects(sql.raw(statement).execute(service), denied, statement)
    }
  }
})

t.test('the role of the service cannot change the schema', async (t) => {
  const { service, owner } = await givenService(t)

  for (const statement of [
    'create table own (id text)',
    'create temporary table shares (id text)',
    'create schema own',
    'create view own as select 1',
    'create or replace function refuse_change() returns trigger language plpgsql as $$ begin return null; end $$',
    'drop function refuse_change() cascade',
    'drop trigger shares_of_new_version on shares',
    'create role other',
    'create database other',
    `copy partners to program 'true'`,
    'set session_replication_role = replica',
    'set role postgres',
    'delete from kysely_migration',
    'update kysely_migration_lock set is_locked = 1',
  ]) {
    await t.rejects(sql.raw(statement).execute(service), denied, statement)
  }
  for (const table of await listTables(owner)) {
    for (const statement of [
      `alter table ${table} add column more text`,
      `drop table ${table} cascade`,
      `truncate ${table} cascade`,
      `create index on ${table} ((1))`,
    ]) {
      await t.rejects(sql.raw(statement).execute(service), denied, statement)
    }
  }
  t.notOk(await canChangeSchema(service))
  t.ok(await canChangeSchema(owner))
})

t.test('admitService is idempotent, restores missing grants and revokes excess ones', async (t) => {
  const { url, owner } = await givenService(t)
  const role = new URL(url).username
  const before = await readGrants(owner)

  await admitService(owner, url)
  const again = await readGrants(owner)
  await sql`revoke select, insert on partners from ${sql.id(role)}`.execute(owner)
  await sql`grant update, delete, truncate on shares to ${sql.id(role)}`.execute(owner)
  await sql`grant create on schema public to ${sql.id(role)}`.execute(owner)
  await admitService(owner, url)

  t.strictSame(again, before)
  t.strictSame(
    (await readGrants(owner)).map(({ name, acl }) => ({ name, acl })),
    before.map(({ name, acl }) => ({ name, acl })),
  )
})

/** The privileges of every table and of the schema, with the transaction that last wrote them. */
async function readGrants(owner: Kysely<Database>) {
  const { rows } = await sql<{ name: string; acl: string; written: string }>`
    select relname as name, array(select unnest(relacl)::text order by 1)::text as acl, xmin::text as written
    from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')
    union all
    select 'schema', array(select unnest(nspacl)::text order by 1)::text, xmin::text
    from pg_namespace where nspname = 'public'
    order by name`.execute(owner)
  return rows
}

t.test(
  'an owner that is not a superuser and has hostile defaults migrates and creates the role',
  async (t) => {
    const { url, name } = await createDatabase(t)
    const admin = connectAsOwner(t, url)
    const [owner, role] = [`owner_${name}`, `other-${randomUUID()}`]
    await sql
      .raw(`create role ${owner} login createrole password 'secret'; ${makeHostile(owner)}`)
      .execute(admin)
    await sql.raw(`drop schema public cascade; create schema public authorization ${owner}`).execute(admin)
    t.teardown(() =>
      sql.raw(`drop owned by ${owner}, "${role}"; drop role ${owner}, "${role}"`).execute(admin),
    )
    const ownerUrl = Object.assign(new URL(url), { username: owner, password: 'secret' }).href
    const serviceUrl = Object.assign(new URL(url), { username: role, password: "it's" }).href

    await migrateAsOwner(ownerUrl, serviceUrl, quietLog)
    const again = await migrateAsOwner(ownerUrl, serviceUrl, quietLog)

    t.strictSame(again, [])
    const service = await createApp(t, { url: serviceUrl })
    await givenPartner(service, 'p1')
    t.equal((await service.call('GET', '/ready')).statusCode, 200)
    t.notOk(await canChangeSchema(service.db))
  },
)

t.test('one role may be both the owner and the service', async (t) => {
  const { ownerUrl } = await createDatabase(t)
  const alone = await openDatabase({ DATABASE_URL: ownerUrl, DATA_DIR: '' }, quietLog)
  t.teardown(() => alone.close())
  await sql`drop schema public cascade`.execute(alone.db)
  await sql`create schema public`.execute(alone.db)

  const done = await alone.migrate()
  const again = await migrateAsOwner(ownerUrl, ownerUrl, quietLog)

  t.ok(done.length > 0)
  t.strictSame(again, [])
  t.ok(await canChangeSchema(alone.db))
})

t.test('the embedded database creates the role of the service in data of an older release', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-roles-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const embedded = await startEmbedded({ dataDir, log: () => {}, settings: ['fsync=off'] })
  t.teardown(() => embedded.stop())
  const owners = [1, 2, 3].map(() => connect({ url: embedded.ownerUrl, max: 1, log: quietLog }))
  t.teardown(() => Promise.all(owners.map((owner) => owner.destroy())))
  await migrateToLatest(owners[0]!)

  await Promise.all(owners.map((owner) => admitService(owner, embedded.url)))
  const opened = await openDatabase({ DATA_DIR: dataDir }, quietLog)
  t.teardown(() => opened.close())

  const { rows } = await sql`select current_user as role, count(*)::int as partners from partners`.execute(
    opened.db,
  )
  t.strictSame(rows, [{ role: 'service', partners: 0 }])
  t.notOk(await canChangeSchema(opened.db))
})
