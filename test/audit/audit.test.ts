import t from 'tap'
import { sql } from 'kysely'
import type { AuditEntry } from '../../src/audit/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { connectAsOwner } from '../support/database.ts'
import { givenPartner } from '../support/fixtures.ts'

const iban = 'DE89370400440532013000'
const acme = {
  id: 'acme',
  name: 'Acme',
  email: 'sales@acme.example',
  payout_details: { iban, tax_id: 'T-1234567' },
}

async function list({ call }: TestApp, query = ''): Promise<readonly AuditEntry[]> {
  return (await call('GET', `/audit?${query}`)).json<{ entries: AuditEntry[] }>().entries
}

t.test('the audit records each change of a partner, with the key and the changed fields', async (t) => {
  const service = await createApp(t)
  const reader = await service.db.selectFrom('api_keys').select('id').executeTakeFirstOrThrow()

  const made = await service.call('POST', '/partners', acme)
  await service.call('PATCH', '/partners/acme', { name: 'Acme Ltd', status: 'inactive', note: 'sold' })
  await service.call('PATCH', '/partners/acme', { payout_details: { bic: 'COBADEFFXXX' } })
  await service.call('GET', '/partners/acme/payout-details')
  await service.call('DELETE', '/partners/acme/payout-details')
  await service.call('PATCH', '/partners/acme', { payout_details: { iban } })

  const common = { actor: 'api_key', key_id: reader.id, subject_kind: 'partner', subject_id: 'acme' }
  const both = { fields: ['iban', 'tax_id'] }
  const bic = { fields: ['bic'] }
  const entries = (await list(service, 'subject_kind=partner')).toReversed()
  t.match(
    entries,
    [
      {
        action: 'partner.created',
        before: null,
        after: { name: 'Acme', email: acme.email, status: 'active' },
        request_id: made.headers['x-request-id'],
      },
      { action: 'payout_details.set', before: null, after: both },
      {
        action: 'partner.changed',
        before: { name: 'Acme', status: 'active' },
        after: { name: 'Acme Ltd', status: 'inactive' },
        note: 'sold',
      },
      { action: 'payout_details.changed', before: both, after: bic, note: null },
      { action: 'payout_details.read', before: null, after: bic },
      { action: 'payout_details.erased', before: bic, after: null },
      { action: 'payout_details.set', before: null, after: { fields: ['iban'] } },
    ].map((entry) => ({ ...common, ...entry })),
  )
  t.equal(entries.length, 7)
  // Without the ids, which are random and may contain 3000.
  const recorded = entries.map(({ before, after }) => [before, after])
  t.notMatch(JSON.stringify(recorded), /DE89|3000|COBA|T-12/)
})

t.test('the audit records each change of a key, without its secret', async (t) => {
  const service = await createApp(t)
  const { api_key } = (await service.call('POST', '/api-keys', { name: 'crm', scopes: ['read'] })).json<{
    api_key: { id: string }
  }>()
  const path = `/api-keys/${api_key.id}`
  await service.call('PATCH', path, { name: 'CRM', rate_limit_max: 5 })
  const rotated = (await service.call('POST', `${path}/rotate`, {})).json<{ api_key: { id: string } }>()
  await service.call('DELETE', path)

  const entries = await list(service, `subject_id=${api_key.id}`)

  t.match(entries.toReversed(), [
    { action: 'api_key.created', before: null, after: { name: 'crm', scopes: ['read'], expires_at: null } },
    {
      action: 'api_key.changed',
      before: { name: 'crm', rate_limit_max: null },
      after: { name: 'CRM', rate_limit_max: 5 },
    },
    { action: 'api_key.rotated', before: { expires_at: null }, after: { successor: rotated.api_key.id } },
    { action: 'api_key.revoked', before: null, after: { revoked_at: String } },
  ])
  t.match(await list(service, `subject_id=${rotated.api_key.id}`), [
    { action: 'api_key.created', after: { rotated_from: api_key.id } },
  ])
  t.notMatch(JSON.stringify(await list(service)), /sk_|key_hash/)
})

t.test('the audit does not record requests that change nothing', async (t) => {
  const service = await createApp(t)
  const once = { 'idempotency-key': 'once' }
  await service.call('POST', '/partners', acme, once)
  const made = await service.call('POST', '/api-keys', { name: 'crm', scopes: ['read'] }, once)
  const { id } = made.json<{ api_key: { id: string } }>().api_key
  await service.call('DELETE', `/api-keys/${id}`)
  await service.call('DELETE', '/partners/acme/payout-details')
  const before = await list(service)

  const answers = [
    await service.call('POST', '/partners', acme, once),
    await service.call('POST', '/partners', acme),
    await service.call('POST', '/partners', { ...acme, name: 'Other' }),
    await service.call('PATCH', '/partners/acme', { name: 'Acme' }),
    await service.call('PATCH', '/partners/nobody', { name: 'Acme' }),
    await service.call('DELETE', '/partners/acme/payout-details'),
    await service.call('GET', '/partners/nobody/payout-details'),
    await service.call('POST', '/api-keys', { name: 'crm', scopes: ['read'] }, once),
    await service.call('PATCH', `/api-keys/${id}`, { name: 'other' }),
    await service.call('DELETE', `/api-keys/${id}`),
  ]

  t.strictSame(
    answers.map(({ statusCode }) => statusCode),
    [201, 200, 409, 200, 404, 200, 404, 201, 409, 200],
  )
  t.strictSame(await list(service), before)
})

t.test('a change and its audit entry are both stored or neither is', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/partners', acme)
  await sql`alter table audit add constraint nothing_more check (false) not valid`.execute(
    connectAsOwner(t, service.url),
  )
  const partners = () => service.db.selectFrom('partners').selectAll().execute()
  const keys = () => service.db.selectFrom('api_keys').select(['id', 'name', 'revoked_at']).execute()
  const before = [await partners(), await keys()]

  for (const answer of [
    await service.call('POST', '/partners', { name: 'B', email: 'b@example.com' }),
    await service.call('PATCH', '/partners/acme', { name: 'B' }),
    await service.call('DELETE', '/partners/acme/payout-details'),
    await service.call('GET', '/partners/acme/payout-details'),
    await service.call('POST', '/api-keys', { name: 'crm', scopes: ['read'] }),
  ]) {
    t.equal(answer.statusCode, 500)
    t.notMatch(answer.body, /DE89/)
  }

  t.strictSame([await partners(), await keys()], before)
})

t.test('GET /audit filters by subject, key, action and time, and pages newest first', async (t) => {
  const service = await createApp(t)
  const today = new Date().toISOString().slice(0, 10)
  for (const id of ['a', 'b', 'c', 'd']) await givenPartner(service, id)
  const { id: key } = await service.db.selectFrom('api_keys').select('id').executeTakeFirstOrThrow()
  const idsOf = async (query: string) => (await list(service, query)).map(({ subject_id }) => subject_id)

  t.strictSame(await idsOf('subject_kind=partner'), ['d', 'c', 'b', 'a'])
  t.strictSame(await idsOf('subject_id=b'), ['b'])
  t.strictSame(await idsOf('subject_kind=api_key&subject_id=b'), [])
  t.strictSame(await idsOf(`key_id=${key}&action=partner.created`), ['d', 'c', 'b', 'a'])
  t.strictSame(await idsOf('key_id=nobody'), [])
  t.strictSame(await idsOf(`subject_kind=partner&start_date=${today}`), ['d', 'c', 'b', 'a'])
  t.strictSame(await idsOf('end_date=2020-01-01'), [])

  const first = await service.call('GET', '/audit?action=partner.created&limit=3')
  await givenPartner(service, 'late')
  const { next_cursor } = first.json<{ pagination: { next_cursor: string } }>().pagination
  t.match(first.json(), { entries: ['d', 'c', 'b'].map((subject_id) => ({ subject_id })) })
  t.strictSame(await idsOf(`action=partner.created&cursor=${next_cursor}`), ['a'])
  for (const query of [
    'action=partner.sold',
    'subject_kind=deal',
    'limit=0',
    'cursor=x',
    'start_date=soon',
  ]) {
    t.equal((await service.call('GET', `/audit?${query}`)).statusCode, 400, query)
  }
})

t.test('audit entries cannot be changed or deleted, and their size is limited', async (t) => {
  const service = await createApp(t)
  const partner = { id: 'big', name: '"'.repeat(200), email: `${'x'.repeat(64)}@${'y'.repeat(60)}.example` }
  const payout_details = Object.fromEntries(
    Array.from({ length: 20 }, (_, n) => [`${'f'.repeat(38)}${n}`.slice(0, 40), '😀'.repeat(200)]),
  )

  const made = await service.call('POST', '/partners', { ...partner, payout_details })
  const changed = await service.call('PATCH', '/partners/big', { name: '😀'.repeat(200), payout_details })

  t.strictSame([made.statusCode, changed.statusCode], [201, 200])
  for (const statement of ['update audit set actor = actor', 'delete from audit', 'truncate audit']) {
    const owner = connectAsOwner(t, service.url)
    await t.rejects(sql.raw(statement).execute(owner), { message: 'audit is append-only' })
  }
  await t.rejects(
    sql`insert into audit (id, actor, action, subject_kind, subject_id, after)
      values ('aud_x', 'service', 'x', 'x', 'x', jsonb_build_object('text', repeat('x', 9000)))`.execute(
      service.db,
    ),
    { message: /audit_entry_small/ },
  )
})
