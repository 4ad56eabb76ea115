import { hash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import * as createAudit from '../../migrations/20261126T0200_create_audit.ts'
import * as noteAuditEntries from '../../migrations/20261127T0001_note_audit_entries.ts'
import * as chainKeys from '../../migrations/20261126T0201_chain_api_keys.ts'
import * as grantScopes from '../../migrations/20261126T0202_grant_payout_scopes.ts'
import * as forgetDetails from '../../migrations/20261126T0203_forget_payout_details.ts'
import * as keepTerms from '../../migrations/20261126T2210_keep_partner_terms.ts'
import type { AuditEntry } from '../../src/audit/schemas.ts'
import { admitService } from '../../src/database/roles.ts'
import { canonicalJson } from '../../src/values/canonical-json.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

/** The service, with `db` connected as the owner of the schema. */
async function createAppAsOwner(t: Test): Promise<TestApp> {
  const service = await createApp(t)
  return { ...service, db: connectAsOwner(t, service.url) }
}

/** Reverts migrations. */
async function revert(
  { db }: TestApp,
  ...migrations: readonly { down: (db: Kysely<unknown>) => Promise<void> }[]
) {
  for (const { down } of migrations) await down(untyped(db))
}

const untyped = (db: TestApp['db']) => db as unknown as Kysely<unknown>

const sealed = Buffer.alloc(70, 1)
const texts = ['Acme', '"quoted" \\ and / slashed', 'Zoë 日本 😀', '\u2028 \u007f \u00a0', "O'Hara & <sons>"]
const partners = texts.map((name, n) => ({ id: `p${n}:~.`, name, email: `"a${n}"@é.example` }))
const digestOf = (partner: object) => hash('sha256', canonicalJson(partner), 'buffer')

function insertSealed({ db }: TestApp, partner: (typeof partners)[0]) {
  return db
    .insertInto('partners')
    .values({ ...partner, submission: sealed })
    .execute()
}

t.test(
  'forget_payout_details replaces sealed submissions by digests, now and on later inserts',
  async (t) => {
    const service = await createAppAsOwner(t)
    await revert(service, forgetDetails)
    for (const partner of partners.slice(1)) await insertSealed(service, partner)
    const plain = { id: 'plain', name: 'Plain', email: 'plain@example.com', submission: Buffer.alloc(32, 5) }
    await service.db.insertInto('partners').values(plain).execute()

    await forgetDetails.up(untyped(service.db))
    await insertSealed(service, partners[0] as (typeof partners)[0])

    const stored = await service.db
      .selectFrom('partners')
      .select(['id', 'submission'])
      .orderBy('id')
      .execute()
    t.strictSame(stored, [
      ...partners.map((partner) => ({ id: partner.id, submission: digestOf(partner) })),
      { id: 'plain', submission: plain.submission },
    ])
  },
)

t.test(
  'forget_payout_details removes masked details from stored answers, now and on later inserts',
  async (t) => {
    const service = await createAppAsOwner(t)
    const answers = [
      { partner: { id: 'p1', name: 'Acme', payout_details: { iban: '******3000' }, created_at: 'then' } },
      { partner: { id: 'p1', payout_details: null } },
      { event: { id: 'e1', metadata: { payout_details: 'x' } } },
    ]
    const store = async (key: number, answer: object) => {
      const row = {
        key_hash: Buffer.of(key),
        request_hash: Buffer.of(0),
        status: 201,
        answer: JSON.stringify(answer),
      }
      await service.db.insertInto('idempotency_keys').values(row).execute()
    }
    await revert(service, forgetDetails)
    for (const [index, answer] of answers.entries()) await store(index, answer)

    await forgetDetails.up(untyped(service.db))
    await store(9, answers[0] as object)

    const kept = await service.db
      .selectFrom('idempotency_keys')
      .select('answer')
      .orderBy('key_hash')
      .execute()
    const bare = { partner: { id: 'p1', name: 'Acme', payout_details: null, created_at: 'then' } }
    t.strictSame(
      kept.map(({ answer }) => answer),
      [bare, ...answers.slice(1), bare],
    )
  },
)

t.test(
  'grant_payout_scopes keeps the permissions of live keys and does not change revoked keys',
  async (t) => {
    const service = await createAppAsOwner(t)
    await revert(service, grantScopes)
    await service.db.deleteFrom('api_keys').execute()
    const held = {
      read: ['read'],
      write: ['write'],
      admin: ['admin', 'payouts:read'],
      bare: ['admin'],
      ended: ['admin'],
    }
    for (const [id, scopes] of Object.entries(held)) {
      const key = { id, name: id, key_hash: Buffer.from(id), scopes: scopes as never }
      const revoked_at = id === 'ended' ? new Date().toISOString() : null
      await service.db
        .insertInto('api_keys')
        .values({ ...key, revoked_at })
        .execute()
    }

    await grantScopes.up(untyped(service.db))

    const keys = await service.db.selectFrom('api_keys').select(['id', 'scopes']).execute()
    t.strictSame(Object.fromEntries(keys.map(({ id, scopes }) => [id, scopes])), {
      read: ['read'],
      write: ['write', 'payouts:write'],
      admin: ['admin', 'payouts:read', 'payouts:write', 'payments:approve'],
      bare: ['admin', 'payouts:write', 'payouts:read', 'payments:approve'],
      ended: ['admin'],
    })
  },
)

t.test(
  'create_audit moves payout reveals to the audit, including those that the previous release inserts later',
  async (t) => {
    const service = await createAppAsOwner(t)
    await service.call('POST', '/partners', { id: 'acme', name: 'Acme', email: 'sales@acme.example' })
    await revert(service, createAudit)
    const { id: key } = await service.db.selectFrom('api_keys').select('id').executeTakeFirstOrThrow()
    const insertReveal = (id: string, at: string) =>
      sql`insert into payout_reveals (id, partner_id, api_key_id, revealed_at) values (${id}, 'acme', ${key}, ${at})`.execute(
        service.db,
      )
    await insertReveal('rvl_1', '2026-01-01T00:00:00.000Z')

    await createAudit.up(untyped(service.db))
    await noteAuditEntries.up(untyped(service.db))
    await admitService(service.db, service.url)
    await insertReveal('rvl_2', '2026-01-02T00:00:00.000Z')

    const { entries } = (await service.call('GET', '/audit')).json<{ entries: AuditEntry[] }>()
    const entry = {
      actor: 'api_key',
      key_id: key,
      action: 'payout_details.read',
      subject_id: 'acme',
      after: null,
    }
    t.match(entries, [
      { ...entry, id: 'aud_2', at: '2026-01-02T00:00:00.000Z' },
      { ...entry, id: 'aud_1', at: '2026-01-01T00:00:00.000Z' },
    ])
    t.equal(entries.length, 2)
  },
)

t.test('chain_api_keys gives existing keys a lineage that finds their stored answers', async (t) => {
  const service = await createAppAsOwner(t)
  const send = () =>
    service.call('POST', '/deals', { amount: 1, attribution_model: 'equal' }, { 'idempotency-key': 'once' })
  await send()
  await revert(service, chainKeys)

  await chainKeys.up(untyped(service.db))

  t.equal((await send()).headers['idempotency-replayed'], 'true')
})

t.test(
  'a deal that an earlier release took in a code without money is read, changed and voided',
  async (t) => {
    const service = await createAppAsOwner(t)
    const { call } = service
    await givenPartner(service, 'acme')
    await givenEvent(service, { partner_id: 'acme', deal_id: 'd1', timestamp: '2026-05-01T00:00:00Z' })
    const deal = { id: 'd1', amount: 1000, attribution_model: 'equal', closed_date: '2026-05-02' }
    await givenDeal(service, { ...deal, currency: 'JPY' })
    await restateCurrency(service, 'XXX')
    const paths = [
      '/deals',
      '/deals/d1',
      '/attribution/d1',
      '/attribution/d1?explain=true',
      '/attribution/d1/compare',
      '/attribution/d1/history',
      '/attributions',
      '/attributions.csv',
      '/analytics',
      '/partners/acme',
    ]

    const reads = await Promise.all(paths.map((path) => call('GET', path)))
    const amended = await call('PATCH', '/deals/d1', { amount: 999 })
    const voided = await call('POST', '/deals/d1/void', { reason: 'no money' })
    const refused = await call('POST', '/deals', { ...deal, id: 'd2', currency: 'XXX' })

    t.strictSame(
      reads.map(({ statusCode }) => statusCode),
      paths.map(() => 200),
    )
    t.match(reads[2]?.json(), { total_amount: 1000, currency: 'XXX', attributions: [{ payout: 1000 }] })
    t.match(reads[8]?.json(), { currencies: ['XXX'] })
    t.match(amended.json(), { attribution: { total_amount: 999, attributions: [{ payout: 999 }] } })
    t.match(voided.json(), { attribution: { attributions: [] } })
    t.match(refused.json(), { status: 400, errors: [{ pointer: '/currency' }] })
  },
)

/** Every row that has a currency has this one from now on. */
async function restateCurrency({ db }: TestApp, currency: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`set local session_replication_role = replica`.execute(trx)
    const { rows } = await sql<{ table_name: string }>`
      select table_name from information_schema.columns join information_schema.tables using (table_schema, table_name)
      where table_schema = 'public' and column_name = 'currency' and table_type = 'BASE TABLE'`.execute(trx)
    for (const { table_name } of rows)
      await sql`update ${sql.table(table_name)} set currency = ${currency}`.execute(trx)
  })
}

t.test('keep_partner_terms keeps when partners left that are inactive', async (t) => {
  const service = await createAppAsOwner(t)
  for (const id of ['stays', 'left', 'long-gone']) await givenPartner(service, id)
  await revertTerms(service)
  const left_at = '2024-03-10T12:00:00.000Z'
  await sql`
    update partners set status = 'inactive', left_at = case id when 'left' then ${left_at}::timestamptz end
    where id <> 'stays'`.execute(service.db)

  await keepTerms.up(untyped(service.db))
  await admitService(service.db, service.url)

  const track = async (partner_id: string, timestamp: string) => {
    const event = { partner_id, deal_id: 'd1', touchpoint_type: 'demo', timestamp }
    return (await service.call('POST', '/events', event)).statusCode
  }
  const before = '2024-03-10T11:59:59.999Z'
  for (const [partner_id, expected] of Object.entries({
    stays: [201, 201],
    left: [201, 409],
    'long-gone': [409, 409],
  })) {
    t.strictSame([await track(partner_id, before), await track(partner_id, left_at)], expected, partner_id)
  }
})

/** Undoes what keep_partner_terms adds to the tables. */
async function revertTerms({ db }: TestApp): Promise<void> {
  await sql`drop table past_partner_terms`.execute(db)
  await sql`drop function absences_of(text[])`.execute(db)
  await sql`alter table partners drop column credit_after_leaving, drop column has_left`.execute(db)
  await sql`alter table attributions drop column uncredited_partner_ids`.execute(db)
}
