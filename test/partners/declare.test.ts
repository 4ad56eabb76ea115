import t from 'tap'
import { sql } from 'kysely'
import { createApp, type TestApp } from '../support/app.ts'
import type { Partner } from '../../src/partners/schemas.ts'

const partner = { name: 'Acme', email: 'Info@Acme.example', group: 'gold', metadata: { tier: 1 } }

async function put({ call }: TestApp, body: object, id = 'p1') {
  const answer = await call('PUT', `/partners/${id}`, body)
  return { status: answer.statusCode, ...answer.json<{ partner: Partner; code?: string }>() }
}

async function listAudit({ call }: TestApp) {
  const { entries } = (await call('GET', '/audit?subject_kind=partner')).json<{
    entries: { action: string; before: object | null; after: object | null }[]
  }>()
  return entries.map(({ action, before, after }) => ({ action, before, after })).toReversed()
}

t.test('PUT /partners/:partnerId makes a partner, changes it, and then writes nothing', async (t) => {
  const service = await createApp(t)

  const made = await put(service, partner)
  const changed = await put(service, { name: 'Acme Inc', metadata: { region: 'EU' } })
  const { rows: before } = await sql`select xmin, ctid from partners`.execute(service.db)
  const unchanged = await put(service, { ...partner, name: 'Acme Inc', metadata: { region: 'EU' } })
  const { rows: after } = await sql`select xmin, ctid from partners`.execute(service.db)

  t.strictSame([made.status, changed.status, unchanged.status], [201, 200, 200])
  t.match(changed.partner, { ...partner, name: 'Acme Inc', metadata: { region: 'EU' }, status: 'active' })
  t.strictSame(changed.partner.metadata, { region: 'EU' })
  t.strictSame(unchanged.partner, changed.partner)
  t.strictSame(after, before)
  t.match(await listAudit(service), [
    { action: 'partner.created' },
    { action: 'partner.changed', before: { name: 'Acme' }, after: { name: 'Acme Inc' } },
  ])
  t.equal((await listAudit(service)).length, 2)
})

t.test('PUT /partners/:partnerId keeps status and group, and null removes', async (t) => {
  const service = await createApp(t)
  const gone = await put(service, { ...partner, status: 'inactive' })

  const kept = await put(service, { name: 'Acme' })
  const removed = await put(service, { name: 'Acme', email: null, group: null, metadata: null })
  const back = await put(service, { name: 'Acme', status: 'active' })

  t.match(gone, { status: 201, partner: { status: 'inactive' } })
  t.strictSame(kept.partner, gone.partner)
  t.match(removed.partner, { status: 'inactive', email: null, group: null, metadata: null })
  t.match(back.partner, { status: 'active', left_at: null })
})

t.test('PUT /partners/:partnerId takes no payout details and keeps those there are', async (t) => {
  const service = await createApp(t)
  await service.call('POST', '/partners', {
    id: 'p1',
    ...partner,
    payout_details: { iban: 'DE89370400440532013000' },
  })

  const refused = await put(service, { ...partner, payout_details: { iban: 'X' } })
  const changed = await put(service, { ...partner, name: 'Acme Inc' })

  t.match(refused, { status: 400, errors: [{ pointer: '/payout_details' }] })
  t.match(changed.partner.payout_details, { iban: /3000$/ })
})

t.test(
  'PUT /partners/:partnerId refuses a taken e-mail address, another id and too much metadata',
  async (t) => {
    const service = await createApp(t)
    await put(service, partner)
    await put(service, { name: 'Other' }, 'p2')

    const created = await put(service, { name: 'New', email: 'info@acme.example' }, 'p3')
    const changed = await put(service, { name: 'Other', email: 'info@acme.example' }, 'p2')
    const other = await put(service, { ...partner, id: 'p2' })
    const large = await put(service, { ...partner, metadata: { text: 'x'.repeat(20_000) } })

    t.match(
      [created, changed],
      [
        { status: 409, code: 'email_taken' },
        { status: 409, code: 'email_taken' },
      ],
    )
    t.match(
      [other, large],
      [
        { status: 400, errors: [{ pointer: '/id' }] },
        { status: 400, errors: [{ pointer: '/metadata' }] },
      ],
    )
  },
)

t.test('POST of a partner that PUT made compares with what was declared', async (t) => {
  const service = await createApp(t)
  await put(service, { ...partner, status: 'active' })

  const same = await service.call('POST', '/partners', { id: 'p1', ...partner })
  const other = await service.call('POST', '/partners', { id: 'p1', ...partner, name: 'Other' })

  t.strictSame([same.statusCode, other.statusCode], [200, 409])
})

t.test('of concurrent PUTs of one new partner one makes it and the others compare', async (t) => {
  const service = await createApp(t)

  const answers = await Promise.all(
    Array.from({ length: 9 }, (_, n) => put(service, { name: `Acme ${n % 3}`, email: 'info@acme.example' })),
  )

  t.strictSame(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [...Array.from({ length: 8 }, () => 200), 201],
  )
})
