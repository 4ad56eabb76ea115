import t from 'tap'
import type { Partner } from '../../src/partners/schemas.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'

const acme = {
  id: 'acme',
  name: 'Acme',
  email: 'sales@acme.example',
  payout_details: { iban: 'DE89370400440532013000' },
}

const long = (length: number) => 'x'.repeat(length)

t.test('POST /partners registers a partner and masks its payout details', async (t) => {
  const { call } = await createApp(t)

  const made = await call('POST', '/partners', acme)

  t.equal(made.statusCode, 201)
  t.match(made.json(), {
    partner: { ...acme, status: 'active', payout_details: { iban: '******3000' }, created_at: String },
  })
})

t.test('POST /partners creates an id when none is sent', async (t) => {
  const { call } = await createApp(t)

  const made = await call('POST', '/partners', { name: 'Acme', email: 'sales@acme.example' })

  t.match(made.json(), { partner: { id: /^ptn_/, payout_details: null } })
})

t.test('POST /partners answers a repeated submission with the current partner', async (t) => {
  const { call } = await createApp(t)
  await call('POST', '/partners', acme)
  await call('PATCH', '/partners/acme', {
    name: 'Acme Ltd',
    payout_details: { iban: 'GB29NWBK60161331926819' },
  })

  const { id, name, email, payout_details } = acme
  const again = await call('POST', '/partners', { payout_details, email, name, id })

  t.equal(again.statusCode, 200)
  t.match(again.json(), { partner: { name: 'Acme Ltd', payout_details: { iban: '******6819' } } })
})

t.test('POST /partners refuses an id that holds another submission', async (t) => {
  const { call } = await createApp(t)
  await call('POST', '/partners', acme)

  for (const change of [{ name: 'Acme Ltd' }, { email: 'b@acme.example' }]) {
    const refused = await call('POST', '/partners', { ...acme, ...change })
    t.match(refused.json(), { status: 409, code: 'partner_exists' })
  }
})

t.test('POST and PATCH /partners refuse the e-mail address of another partner, ignoring case', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/partners', acme)
  await givenPartner(service, 'other')

  const made = await service.call('POST', '/partners', { name: 'Acme', email: 'SALES@Acme.Example' })
  const changed = await service.call('PATCH', '/partners/other', { email: 'Sales@ACME.example' })

  t.match(made.json(), { status: 409, code: 'email_taken' })
  t.match(changed.json(), { status: 409, code: 'email_taken' })
  t.notMatch(made.body + changed.body, /acme/i)
})

t.test('POST /partners refuses invalid bodies and names the fault', async (t) => {
  const { call, db } = await createApp(t)
  const faults: readonly (readonly [object, string])[] = [
    [{ name: undefined }, '/name'],
    [{ name: null }, '/name'],
    [{ name: '' }, '/name'],
    [{ name: '   ' }, '/name'],
    [{ name: 'a\u0007b' }, '/name'],
    [{ name: long(201) }, '/name'],
    [{ email: 'acme' }, '/email'],
    [{ email: 'sales@acme' }, '/email'],
    [{ email: 'a@b.example\r\nBcc: x@y.example' }, '/email'],
    [{ email: `${long(65)}@acme.example` }, '/email'],
    [{ email: `sales@${long(250)}.example` }, '/email'],
    [{ id: '' }, '/id'],
    [{ id: '..' }, '/id'],
    [{ id: ' a' }, '/id'],
    [{ id: long(129) }, '/id'],
    [{ id: 7 }, '/id'],
    [{ status: 'active' }, '/status'],
    [{ payout_details: null }, '/payout_details'],
    [{ payout_details: { iban: 5 } }, '/payout_details/iban'],
    [{ payout_details: { iban: long(201) } }, '/payout_details/iban'],
    [{ payout_details: { IBAN: 'x' } }, '/payout_details/IBAN'],
    [{ payout_details: { iban: '******3000' } }, '/payout_details/iban'],
    [
      { payout_details: Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`f${n}`, 'x'])) },
      '/payout_details',
    ],
  ]

  for (const [change, pointer] of faults) {
    const refused = await call('POST', '/partners', { ...acme, ...change })
    t.match(refused.json(), { status: 400, code: 'invalid_request', errors: [{ pointer }] })
  }
  t.strictSame(await db.selectFrom('partners').selectAll().execute(), [])
})

t.test('GET /partners pages by id while partners arrive and filters by e-mail address', async (t) => {
  const service = await createApp(t)
  for (const id of ['b', 'd', 'f']) await givenPartner(service, id)
  const list = async (query: string) => {
    const answer = await service.call('GET', `/partners?${query}`)
    const { partners, pagination } = answer.json<{
      partners: Partner[]
      pagination: { next_cursor: string }
    }>()
    return { ids: partners.map(({ id }) => id), pagination }
  }

  const first = await list('limit=2')
  await givenPartner(service, 'a')
  const second = await list(`limit=2&cursor=${first.pagination.next_cursor}`)
  const skipped = await list('limit=1&offset=1')
  const found = await list('email=D@EXAMPLE.com')

  t.strictSame([first.ids, second.ids, skipped.ids, found.ids], [['b', 'd'], ['f'], ['b'], ['d']])
  t.match(second.pagination, { limit: 2, offset: null, next_cursor: null })
})

t.test('GET /partners refuses invalid limits, offsets and cursors', async (t) => {
  const { call } = await createApp(t)
  const cursor = Buffer.from('["a"]').toString('base64url')
  const wrong = [
    'limit=0',
    'limit=1001',
    'limit=1e2',
    'limit=%201',
    'limit=1&limit=2',
    'offset=-1',
    'offset=2147483648',
  ]
  const cursors = [
    'cursor=',
    'cursor=!',
    'cursor=AAAA',
    'cursor=eyJhIjoxfQ',
    'cursor=WzFd',
    'cursor=WyJhIiwiYiJd',
  ]

  for (const query of [...wrong, ...cursors, `cursor=${cursor}&offset=1`, 'emial=x', 'email=a%00b']) {
    const refused = await call('GET', `/partners?${query}`)
    t.equal(refused.statusCode, 400, query)
    t.match(refused.json(), { code: 'invalid_request', errors: [{ pointer: /^[a-z]+$/ }] }, query)
  }
})

t.test('GET /partners/:id shows a partner with its totals and answers 404 for an unknown id', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')

  const found = await service.call('GET', '/partners/p1')
  const missing = await service.call('GET', '/partners/nobody')

  t.match(found.json(), {
    partner: { id: 'p1' },
    stats: { currency: 'USD', total_deals: 0, total_payout: 0 },
  })
  t.match(missing.json(), { status: 404, code: 'partner_not_found' })
})

t.test('PATCH /partners/:id changes only the fields that are sent', async (t) => {
  const { call } = await createApp(t)
  await call('POST', '/partners', acme)

  const renamed = await call('PATCH', '/partners/acme', { name: 'Acme Ltd' })
  const stopped = await call('PATCH', '/partners/acme', { status: 'inactive' })

  t.match(renamed.json(), {
    partner: { name: 'Acme Ltd', email: acme.email, payout_details: { iban: '******3000' } },
  })
  t.match(stopped.json(), { partner: { name: 'Acme Ltd', status: 'inactive' } })
})

t.test('PATCH /partners/:id answers 400 for an invalid change and 404 for an unknown id', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')

  for (const body of [{}, { id: 'p2' }, { name: null }, { status: 'gone' }, { payout_details: null }]) {
    t.equal((await service.call('PATCH', '/partners/p1', body)).statusCode, 400)
  }
  t.equal((await service.call('PATCH', '/partners/nobody', { name: 'Nobody' })).statusCode, 404)
})

t.test(
  'GET /partners/:id/payout-details shows unmasked details and records the read in the audit',
  async (t) => {
    const { call, db } = await createApp(t)
    await call('POST', '/partners', acme)

    const revealed = await call('GET', '/partners/acme/payout-details')

    t.strictSame(revealed.json(), { payout_details: acme.payout_details })
    t.equal(revealed.headers['cache-control'], 'no-store')
    const reader = await db.selectFrom('api_keys').select('id').executeTakeFirstOrThrow()
    const recorded = await db
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'payout_details.read')
      .execute()
    t.match(recorded, [
      { subject_id: 'acme', key_id: reader.id, at: String, before: null, after: { fields: ['iban'] } },
    ])
    t.equal(recorded.length, 1)
  },
)

t.test(
  'GET /partners/:id/payout-details answers null without details and 404 for an unknown id',
  async (t) => {
    const service = await createApp(t)
    await givenPartner(service, 'p1')

    t.strictSame((await service.call('GET', '/partners/p1/payout-details')).json(), { payout_details: null })
    t.equal((await service.call('GET', '/partners/nobody/payout-details')).statusCode, 404)
  },
)

t.test(
  'DELETE /partners/:id/payout-details erases the details, is idempotent and answers 404 for an unknown id',
  async (t) => {
    const { call, db } = await createApp(t)
    await call('POST', '/partners', acme)

    const erased = await call('DELETE', '/partners/acme/payout-details')
    const again = await call('DELETE', '/partners/acme/payout-details')

    t.match(erased.json(), { partner: { id: 'acme', payout_details: null } })
    t.equal(again.statusCode, 200)
    t.strictSame(await db.selectFrom('partners').select('payout_details').execute(), [
      { payout_details: null },
    ])
    t.equal((await call('DELETE', '/partners/nobody/payout-details')).statusCode, 404)
  },
)

t.test('an empty object as payout details means none, in POST and in PATCH', async (t) => {
  const { call, db } = await createApp(t, { config: { payoutKeys: new Map() } })
  const none = { partner: { payout_details: null } }

  t.match((await call('POST', '/partners', { ...acme, payout_details: {} })).json(), none)
  t.match((await call('PATCH', '/partners/acme', { payout_details: {} })).json(), none)

  const rows = await db.selectFrom('partners').select('payout_details').execute()
  const actions = await db
    .selectFrom('audit')
    .select('action')
    .where('subject_kind', '=', 'partner')
    .execute()
  t.strictSame(rows, [{ payout_details: null }])
  t.strictSame(actions, [{ action: 'partner.created' }])
})

t.test('PATCH /partners/:id with empty payout details erases them', async (t) => {
  const { call, db } = await createApp(t)
  await call('POST', '/partners', acme)

  const erased = await call('PATCH', '/partners/acme', { payout_details: {} })

  t.match(erased.json(), { partner: { payout_details: null } })
  t.strictSame(await db.selectFrom('partners').select('payout_details').execute(), [{ payout_details: null }])
  const last = await db.selectFrom('audit').selectAll().orderBy('id', 'desc').executeTakeFirstOrThrow()
  t.match(last, { action: 'payout_details.erased', before: { fields: ['iban'] }, after: null })
})

t.test('without payout keys, POST /partners answers 503 only for bodies with payout details', async (t) => {
  const { call } = await createApp(t, { config: { payoutKeys: new Map() } })

  const refused = await call('POST', '/partners', acme)
  const made = await call('POST', '/partners', { name: 'Bare', email: 'bare@example.com' })

  t.match(refused.json(), { status: 503, code: 'payout_keys_missing' })
  t.ok(refused.headers['retry-after'])
  t.equal(made.statusCode, 201)
})

t.test('partners without an e-mail address, absent or null, are the same submission', async (t) => {
  const { call } = await createApp(t)

  const absent = await call('POST', '/partners', { id: 'a', name: 'A' })
  const isNull = await call('POST', '/partners', { id: 'a', name: 'A', email: null })
  const other = await call('POST', '/partners', { id: 'b', name: 'B' })
  const given = await call('PATCH', '/partners/b', { email: 'b@example.com' })
  const removed = await call('PATCH', '/partners/b', { email: null })

  t.match([absent.statusCode, absent.json()], [201, { partner: { email: null } }])
  t.strictSame([isNull.statusCode, other.statusCode], [200, 201])
  t.match(
    [given.json(), removed.json()],
    [{ partner: { email: 'b@example.com' } }, { partner: { email: null } }],
  )
})

t.test('an international e-mail address is unique and found in any case', async (t) => {
  const { call } = await createApp(t)

  const made = await call('POST', '/partners', { id: 'a', name: 'A', email: 'Info@MÜNCHEN.example' })
  const taken = await call('POST', '/partners', { id: 'b', name: 'B', email: 'info@mu\u0308nchen.EXAMPLE' })
  const found = await call('GET', `/partners?email=${encodeURIComponent('INFO@München.example')}`)

  t.match([made.statusCode, made.json()], [201, { partner: { email: 'info@münchen.example' } }])
  t.match([taken.statusCode, taken.json()], [409, { code: 'email_taken' }])
  t.match(found.json(), { partners: [{ id: 'a' }] })
  for (const email of ['info@münchen', 'in fo@münchen.example', '@münchen.example', 'a@münchen..example'])
    t.equal((await call('POST', '/partners', { name: 'C', email })).statusCode, 400, email)
})

t.test('partners have a group, by which they are listed, and metadata, which PATCH merges', async (t) => {
  const { call } = await createApp(t)
  await call('POST', '/partners', {
    id: 'a',
    name: 'A',
    group: 'gold',
    metadata: { crm: { owner: 'x', tier: 1 } },
  })
  await call('POST', '/partners', { id: 'b', name: 'B', group: 'gold' })
  await call('POST', '/partners', { id: 'c', name: 'C' })

  const gold = await call('GET', '/partners?group=gold')
  const merged = await call('PATCH', '/partners/a', { metadata: { crm: { tier: 2 }, since: 2020 } })
  const kept = await call('PATCH', '/partners/a', { group: null })
  const removed = await call('PATCH', '/partners/a', { metadata: null })
  const large = await call('PATCH', '/partners/b', { metadata: { text: 'x'.repeat(16_400) } })

  const { partners } = gold.json<{ partners: readonly { id: string }[] }>()
  t.strictSame(
    partners.map(({ id }) => id),
    ['a', 'b'],
  )
  t.notOk(
    partners.some((partner) => 'metadata' in partner),
    'a list leaves it out',
  )
  t.match(merged.json(), { partner: { group: 'gold' } })
  t.strictSame(metadataOf(merged), { crm: { owner: 'x', tier: 2 }, since: 2020 })
  t.strictSame(metadataOf(kept), { crm: { owner: 'x', tier: 2 }, since: 2020 })
  t.match([kept.json(), removed.json()], [{ partner: { group: null } }, { partner: { metadata: null } }])
  t.match([large.statusCode, large.json()], [400, { errors: [{ pointer: '/metadata' }] }])
})

function metadataOf(answer: { json: () => unknown }): unknown {
  return (answer.json() as { partner: { metadata: unknown } }).partner.metadata
}
