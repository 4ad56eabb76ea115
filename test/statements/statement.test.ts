import t from 'tap'
import type { Statement } from '../../src/statements/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const path = '/partners/p1/statement?month=2026-05'

async function givenMay(service: TestApp) {
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  await givenEvent(service, { partner_id: 'p1', deal_id: '-1', timestamp: '2026-05-01T08:00:00Z' })
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd2', timestamp: '2026-05-02T08:00:00Z' })
  await givenDeal(service, { id: '-1', amount: 90.5, closed_date: '2026-05-01T12:00:00Z' })
  await givenDeal(service, { id: 'd2', amount: 10, closed_date: '2026-05-31T23:59:59.999Z' })
}

async function readStatement({ call }: TestApp, query = ''): Promise<Statement> {
  const answer = await call('GET', `${path}${query}`)
  return answer.json<Statement>()
}

const idsOf = ({ lines }: Statement) => lines.map(({ deal_id }) => deal_id)

/** The URL of the next page in a Link header. */
function nextOf(link: unknown): string {
  return /^<(?<url>.+)>; rel="next"$/.exec(String(link))?.groups?.['url'] ?? ''
}

t.test('a statement lists every deal of the month and adds up to its total', async (t) => {
  const service = await createApp(t)
  await givenMay(service)
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd3', timestamp: '2026-05-02T08:00:00Z' })
  await givenDeal(service, { id: 'd3', amount: 7, closed_date: '2026-06-01T00:00:00Z' })
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd2', timestamp: '2026-05-03T08:00:00Z' })

  const statement = await readStatement(service)

  t.match(statement, { partner_id: 'p1', month: '2026-05', currency: 'USD', as_of: null, total_payout: 95.5 })
  t.match(statement.lines, [
    { deal_id: '-1', version: 1, percentage: 100, payout: 90.5, changes: [{ reason: 'closed' }] },
    {
      deal_id: 'd2',
      version: 2,
      percentage: 50,
      payout: 5,
      changes: [
        { version: 1, reason: 'closed', payout: 10 },
        { version: 2, reason: 'late_event', payout: 5 },
      ],
    },
  ])
  t.equal(statement.lines.length, 2)
})

t.test('a statement with as_of shows the statement at that instant', async (t) => {
  const service = await createApp(t)
  await givenMay(service)
  const before = await readStatement(service)
  const then = before.lines.map(({ changes }) => changes.at(-1)?.calculated_at ?? '').sort()[1] as string
  await service.call('PATCH', '/deals/d2', { closed_date: '2026-06-02T00:00:00Z' })
  await service.call('POST', '/deals/-1/void', { reason: 'fell through' })

  const now = await readStatement(service)
  const asOf = await readStatement(service, `&as_of=${then}`)

  t.strictSame([now.lines, now.total_payout], [[], 0])
  t.strictSame(asOf, { ...before, as_of: then })
})

t.test('format=csv and Accept: text/csv give CSV with cells escaped against formulas', async (t) => {
  const service = await createApp(t)
  await givenMay(service)

  const byFormat = await service.call('GET', `${path}&format=csv`)
  const byAccept = await service.call('GET', path, undefined, { accept: 'text/csv' })

  t.match(byFormat.headers, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="statement-p1-2026-05-USD.csv"',
  })
  t.equal(byAccept.body, byFormat.body)
  const cells = byFormat.body.split('\r\n').map((line) => line.split(',').slice(0, 7))
  t.strictSame(cells, [
    ['deal_id', 'closed_date', 'version', 'percentage', 'payout', 'currency', 'reasons'],
    ["'-1", '2026-05-01T12:00:00.000Z', '1', '100', '90.5', 'USD', 'closed'],
    ['d2', '2026-05-31T23:59:59.999Z', '1', '100', '10', 'USD', 'closed'],
    ['total', '', '', '', '100.5', 'USD', ''],
    [''],
  ])
})

t.test('the total of a CSV is exact above 2^53 minor units', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const amounts = [...Array.from({ length: 10 }, () => 9_999_999_999_999.99), 0.01]
  for (const [n, amount] of amounts.entries()) {
    const deal_id = `d${n}`
    await givenEvent(service, { partner_id: 'p1', deal_id, timestamp: '2026-05-01T08:00:00Z' })
    await givenDeal(service, { id: deal_id, amount, closed_date: '2026-05-01T12:00:00Z' })
  }

  const { body } = await service.call('GET', '/partners/p1/statement.csv?month=2026-05')

  t.match(body, /\r\ntotal,,,,99999999999999\.91,USD,,\r\n$/)
})

t.test('GET /partners/:id/statement.csv answers the same CSV as format=csv', async (t) => {
  const service = await createApp(t)
  await givenMay(service)
  const csvPath = '/partners/p1/statement.csv?month=2026-05'

  const csv = await service.call('GET', csvPath, undefined, { accept: 'application/json' })
  const byFormat = await service.call('GET', `${path}&format=csv`)
  const first = await service.call('GET', `${csvPath}&limit=1`)
  const next = nextOf(first.headers['link'])
  const second = await service.call('GET', next)
  const unknownPartner = await service.call('GET', csvPath.replace('p1', 'nobody'))
  const withFormat = await service.call('GET', `${csvPath}&format=json`)

  t.equal(csv.headers['content-type'], 'text/csv; charset=utf-8')
  t.equal(csv.headers['content-disposition'], byFormat.headers['content-disposition'])
  t.equal(csv.body, byFormat.body)
  t.match(next, /^\/partners\/p1\/statement\.csv\?/)
  t.match(second.body, /^deal_id.*\r\nd2,.*\r\ntotal,.*100\.5.*\r\n$/)
  t.strictSame([unknownPartner.statusCode, withFormat.statusCode], [404, 400])
})

t.test('a statement matches the month of the partner in analytics', async (t) => {
  const service = await createApp(t)
  await givenMay(service)

  const { total_payout, lines } = await readStatement(service)
  const ranks = await service.call('GET', '/analytics/partners?start_date=2026-05-01&end_date=2026-05-31')

  t.match(ranks.json(), { partners: [{ id: 'p1', deals_count: lines.length, total_payout }] })
})

t.test('a statement is a 404 for an unknown partner and a 400 for an invalid month', async (t) => {
  const { call } = await createApp(t)

  const unknownPartner = await call('GET', path)
  const invalidMonth = await call('GET', '/partners/p1/statement?month=2026-13')

  t.equal(unknownPartner.statusCode, 404)
  t.equal(invalidMonth.statusCode, 400)
})

t.test('a statement pages by cursor, and each page has the total of all lines', async (t) => {
  const service = await createApp(t)
  await givenMay(service)

  const first = await readStatement(service, '&limit=1')
  const second = await readStatement(service, `&limit=1&cursor=${first.pagination.next_cursor}`)
  const csv = await service.call('GET', `${path}&limit=1&format=csv`)
  const next = nextOf(csv.headers['link'])
  const nextCsv = await service.call('GET', next)

  t.match(first, { lines: [{ deal_id: '-1' }], total_payout: 100.5, pagination: { limit: 1 } })
  t.match(second, { lines: [{ deal_id: 'd2' }], total_payout: 100.5, pagination: { next_cursor: null } })
  t.equal(first.lines.length + second.lines.length, 2)
  t.match(nextCsv.body, /^deal_id.*\r\nd2,.*\r\ntotal,.*100\.5.*\r\n$/)
  t.equal(nextCsv.headers['link'], undefined)
})

t.test('a line lists its last 50 changes and the number of all changes', async (t) => {
  const service = await createApp(t)
  await givenMay(service)
  for (let amount = 1; amount <= 55; amount++) await service.call('PATCH', '/deals/d2', { amount })

  const { lines } = await readStatement(service)

  const [, { changes, changes_count }] = lines as [unknown, Statement['lines'][0]]
  t.equal(changes_count, 56)
  t.strictSame(
    changes.map(({ version, payout }) => [version, payout]),
    Array.from({ length: 50 }, (_, n) => [n + 7, n + 6]),
  )
})

t.test(
  'a statement is of a month of TIME_ZONE, and a close at midnight is in its written month',
  async (t) => {
    const service = await createApp(t, { config: { TIME_ZONE: 'Australia/Sydney' } })
    await givenPartner(service, 'p1')
    const closes = {
      'before-may': '2026-04-30T13:59:59.999Z',
      'first-instant': '2026-04-30T14:00:00Z',
      'midnight-in-berlin': '2026-05-01T00:00:00+02:00',
      'midnight-in-denver': '2026-05-31T00:00:00-06:00',
      'last-instant': '2026-05-31T13:59:59.999Z',
      'after-may': '2026-05-31T14:00:00Z',
    }
    for (const [id, closed_date] of Object.entries(closes)) {
      await givenEvent(service, { partner_id: 'p1', deal_id: id, timestamp: '2026-04-01T00:00:00Z' })
      await givenDeal(service, { id, closed_date })
    }

    const may = await readStatement(service)
    const first = await readStatement(service, '&limit=2')
    const second = await readStatement(service, `&limit=2&cursor=${first.pagination.next_cursor}`)

    const inMay = ['first-instant', 'midnight-in-berlin', 'midnight-in-denver', 'last-instant']
    t.strictSame(idsOf(may), inMay)
    t.equal(may.total_payout, 400)
    t.strictSame([...idsOf(first), ...idsOf(second)], inMay)
  },
)
