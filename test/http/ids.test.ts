import t, { type Test } from 'tap'
import { replayDeals } from '../../src/record/replay.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenEvent } from '../support/fixtures.ts'

const ids = [
  '#1001',
  'INV/2024/0001',
  'a b',
  'a%23b',
  '100%',
  '?x=1&y',
  '"q"',
  '<a>',
  "it's",
  '...',
  '/',
  '~a+b;c',
]

async function givenDeals(t: Test): Promise<TestApp> {
  const service = await createApp(t)
  for (const id of ids) {
    await service.call('POST', '/partners', {
      id,
      name: `Partner ${id}`,
      email: `p${ids.indexOf(id)}@example.com`,
    })
    await givenEvent(service, { id, partner_id: id, deal_id: id, timestamp: '2024-01-19T00:00:00Z' })
    await service.call('POST', '/deals', {
      id,
      amount: 100,
      closed_date: '2024-01-20',
      attribution_model: 'equal',
    })
  }
  return service
}

t.test('an id of another system is percent-encoded in paths and queries', async (t) => {
  const service = await givenDeals(t)

  for (const id of ids) {
    const path = encodeURIComponent(id)
    const read = async (url: string) => {
      const answer = await service.call('GET', url)
      t.equal(answer.statusCode, 200, url)
      return answer.json<object>()
    }
    t.match(await read(`/partners/${path}`), { partner: { id } })
    t.match(await read(`/events/${path}`), { event: { id, partner_id: id, deal_id: id } })
    t.match(await read(`/deals/${path}`), { deal: { id }, events: [{ id }] })
    t.match(await read(`/attribution/${path}?explain=true`), {
      attributions: [{ partner_id: id, payout: 100 }],
    })
    t.match(await read(`/attribution/${path}/history`), { versions: [{ deal_id: id }] })
    t.match(await read(`/analytics/partner/${path}`), { partner: { id } })
    t.match(await read(`/events?deal_id=${path}&partner_id=${path}`), { events: [{ id }] })
    t.match(await read(`/deals?partner_id=${path}`), { deals: [{ id }] })
    const amended = await service.call('PATCH', `/deals/${path}`, { amount: 200 })
    t.match(amended.json(), { deal: { id, version: 2 } })
  }
  t.strictSame((await replayDeals(service.db, { after: '', limit: 100 })).differences, [])
})

t.test('a cursor goes on after an id of another system', async (t) => {
  const { call } = await givenDeals(t)
  const listed: string[] = []

  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await call('GET', `/deals?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)
    const page = answer.json<{ deals: { id: string }[]; pagination: { next_cursor: string | null } }>()
    listed.push(...page.deals.map(({ id }) => id))
    cursor = page.pagination.next_cursor
  }

  t.strictSame(listed, ids.toSorted().toReversed())
})

t.test('the statement of a partner has a safe file name, and its link goes on', async (t) => {
  const { call } = await givenDeals(t)
  await call('POST', '/events', {
    partner_id: '<a>',
    deal_id: 'a b',
    touchpoint_type: 'demo',
    timestamp: '2024-01-19T00:00:00Z',
  })

  const first = await call('GET', '/partners/<a>/statement.csv?month=2024-01&limit=1')
  const [, next = ''] = /^<([^>]*)>/.exec(String(first.headers['link'])) ?? []
  const second = await call('GET', next)

  t.equal(first.headers['content-disposition'], 'attachment; filename="statement-_a_-2024-01-USD.csv"')
  t.equal(second.statusCode, 200)
  t.match(first.body + second.body, /^earned,<a>,/m)
  t.match(first.body + second.body, /^(?:earned|adjusted),a b,/m)
})

t.test('the ids . and .., blanks at the ends and other characters are refused', async (t) => {
  const { call } = await createApp(t)

  for (const id of ['.', '..', ' a', 'a ', '', 'é', 'a\tb', 'x'.repeat(129)]) {
    const refused = await call('POST', '/partners', { id, name: 'A', email: 'a@example.com' })
    t.match(refused.json(), { status: 400, errors: [{ pointer: '/id' }] }, id)
  }
  const longest = await call('POST', '/partners', { id: '#'.repeat(128), name: 'A', email: 'a@example.com' })
  t.equal(longest.statusCode, 201)
  t.equal((await call('GET', `/partners/${'%23'.repeat(128)}`)).statusCode, 200)
})
