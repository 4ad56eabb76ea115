import { execFileSync } from 'node:child_process'
import t from 'tap'
import { runSteps } from '../../src/jobs/run-steps.ts'
import { freezeNextMonth } from '../../src/ledger/freeze.ts'
import type { Statement } from '../../src/ledger/statement-schemas.ts'
import { verifyLedger } from '../../src/ledger/verify.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import { createLedger, givenLateTouch, givenPlan, givenSplitDeal } from './fixtures.ts'

async function readStatement({ call }: TestApp, month: string, query = '', partner = 'p1') {
  const answer = await call('GET', `/partners/${partner}/statement?month=${month}${query}`)
  return answer.json<Statement>()
}

/** Opening, amounts and closing. */
function figuresOf({ opening, lines, closing }: Statement) {
  return [opening, lines.map(({ kind, amount }) => [kind, amount]), closing]
}

/** Amount, before and after of each line. */
function changesOf({ lines }: Statement) {
  return lines.map(({ amount, before, after }) => [amount, before, after])
}

const csvPath = (month: string) => `/partners/p1/statement.csv?month=${month}`

async function givenLockedMonth({ call, db }: TestApp, month: string) {
  const locked = await call('POST', `/periods/${month}/lock`, {})
  if (locked.statusCode !== 200) throw new Error(locked.body)
  await runSteps(() => freezeNextMonth(db))
}

t.test('what is learnt of a locked month is a line of an open month, with before and after', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1', { name: 'First' })
  await givenLockedMonth(service, '2024-01')
  await givenLateTouch(service, 'd1')
  await givenLockedMonth(service, '2024-02')
  await service.call('POST', '/deals/d1/void', { reason: 'wrong' })

  t.strictSame(figuresOf(await readStatement(service, '2023-12')), [0, [], 0])
  t.strictSame(figuresOf(await readStatement(service, '2024-01')), [0, [['earned', 4800]], 4800])
  t.strictSame(figuresOf(await readStatement(service, '2024-02')), [4800, [['adjusted', -564.71]], 4235.29])
  t.strictSame(figuresOf(await readStatement(service, '2024-03')), [4235.29, [['adjusted', -4235.29]], 0])
  t.strictSame(figuresOf(await readStatement(service, '2024-04')), [0, [], 0])
  t.strictSame(figuresOf(await readStatement(service, '2024-02', '', 'p2')), [
    1200,
    [['adjusted', 564.71]],
    1764.71,
  ])
  const [line] = (await readStatement(service, '2024-02')).lines
  t.match(line, {
    kind: 'adjusted',
    deal_id: 'd1',
    deal_name: 'First',
    effective_on: '2024-01-20',
    amount: -564.71,
    before: 4800,
    after: 4235.29,
    reason: 'late_event',
    commission_version: 2,
    split_version: 2,
    deal_amount: 50_000,
    attribution_model: 'role-based',
    percentage: 70.59,
    payout: 35_294.12,
    plan_id: 'twelve',
    rate: '12',
  })
  t.strictSame(
    (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
    [],
  )
})

t.test('a late touchpoint after a lock, and refunds in later months, end at exactly 0', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  await givenLockedMonth(service, '2024-01')
  await givenLateTouch(service, 'd1')
  const refund = (amount: number, refunded_on: string) =>
    service.call('POST', '/deals/d1/refunds', { amount, refunded_on })

  await refund(12_345.67, '2024-03-05')
  await refund(37_654.33, '2024-04-02')

  const months = ['2024-01', '2024-02', '2024-03', '2024-04']
  const linesOf = async (partner: string) => {
    const statements = await Promise.all(months.map((month) => readStatement(service, month, '', partner)))
    return statements.map(({ lines: [line], closing }) => [line?.effective_on, line?.amount, closing])
  }
  t.strictSame(await linesOf('p1'), [
    ['2024-01-20', 4800, 4800],
    ['2024-01-20', -564.71, 4235.29],
    ['2024-03-05', -1045.75, 3189.54],
    ['2024-04-02', -3189.54, 0],
  ])
  t.strictSame(await linesOf('p2'), [
    ['2024-01-20', 1200, 1200],
    ['2024-01-20', 564.71, 1764.71],
    ['2024-03-05', -435.73, 1328.98],
    ['2024-04-02', -1328.98, 0],
  ])
  t.match((await readStatement(service, '2024-03')).lines, [
    { reason: 'refunded', deal_amount: 50_000, refunded_amount: 12_345.67 },
  ])
  t.strictSame(
    (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
    [],
  )
})

t.test('another currency is a line in each currency', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  await service.call('PATCH', '/deals/d1', { currency: 'EUR' })

  const dollars = await readStatement(service, '2024-01')
  const euros = await readStatement(service, '2024-01', '&currency=EUR')

  t.strictSame(changesOf(dollars), [
    [4800, 0, 4800],
    [-4800, 4800, 0],
  ])
  t.strictSame(changesOf(euros), [[4800, 0, 4800]])
  t.strictSame([dollars.closing, euros.closing], [0, 4800])
})

t.test(
  'a change of the plan is an amendment; a deal without a rule owes nothing and has no line',
  async (t) => {
    const service = await createLedger(t)
    await givenPlan(service, 'nothing', { rules: [{ rate: '10', when: { partner_ids: ['p2'] } }] })
    await givenSplitDeal(service, 'd1')
    await service.call('PATCH', '/deals/d1', { commission_plan_id: 'nothing', note: 'agreed by mail' })

    const { lines } = await readStatement(service, '2024-01')

    t.match(lines, [
      { amount: 4800, reason: 'closed', rate: '12' },
      { amount: -4800, reason: 'amended', note: 'agreed by mail', plan_id: 'nothing', rate: null },
    ])
  },
)

t.test('as_of shows the statement of that instant', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  const before = await readStatement(service, '2024-01')
  const then = before.lines[0]?.posted_at as string
  await givenLateTouch(service, 'd1')

  const asOf = await readStatement(service, '2024-01', `&as_of=${then}`)

  t.strictSame(asOf, { ...before, as_of: then })
  t.equal((await readStatement(service, '2024-01')).closing, 4235.29)
})

t.test('a statement pages by cursor, and each page has the totals of all pages', async (t) => {
  const service = await createLedger(t)
  for (const id of ['d1', 'd2', 'd3']) await givenSplitDeal(service, id)
  await givenLateTouch(service, 'd2')

  const whole = await readStatement(service, '2024-01')
  const pages: Statement[] = []
  for (let cursor = ''; pages.length < 10;) {
    const page = await readStatement(service, '2024-01', `&limit=1${cursor}`)
    pages.push(page)
    if (page.pagination.next_cursor === null) break
    cursor = `&cursor=${page.pagination.next_cursor}`
  }

  t.strictSame(
    pages.flatMap(({ lines }) => lines),
    whole.lines,
  )
  t.equal(whole.lines.length, 4)
  t.strictSame(
    pages.map(({ closing }) => closing),
    Array.from({ length: 4 }, () => 13_835.29),
  )
})

t.test('the CSV of a locked month is stored, and a chain of digests proves it', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1', { name: '=1+1' })
  const open = await service.call('GET', csvPath('2024-01'))
  await givenLockedMonth(service, '2024-03')
  await service.call('PATCH', '/deals/d1', { name: 'renamed' })

  const locked = await service.call('GET', csvPath('2024-01'))
  const digests: (string | null)[] = []
  let digest = ''
  for (const month of ['2024-01', '2024-02', '2024-03']) {
    const { body } = await service.call('GET', csvPath(month))
    digest = execFileSync('sha256sum', { input: `${digest}\n${body}`, encoding: 'utf8' }).slice(0, 64)
    digests.push((await readStatement(service, month)).digest)
    t.equal(digests.at(-1), digest, month)
  }

  t.equal(locked.body, open.body)
  t.match(locked.headers, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="statement-p1-2024-01-USD.csv"',
  })
  t.strictSame(
    locked.body.split('\r\n').map((line) => line.split(',').slice(0, 9)),
    [
      ['kind', 'deal_id', 'deal_name', 'effective_on', 'amount', 'before', 'after', 'currency', 'reason'],
      ['opening', '', '', '', '0', '', '', 'USD', ''],
      ['earned', 'd1', "'=1+1", '2024-01-20', '4800', '0', '4800', 'USD', 'closed'],
      ['closing', '', '', '', '4800', '', '', 'USD', ''],
      [''],
    ],
  )
  t.strictSame((await readStatement(service, '2024-04')).digest, null)
})

t.test('format=csv and Accept: text/csv give the CSV, with a link to the next page', async (t) => {
  const service = await createLedger(t)
  for (const id of ['d1', 'd2']) await givenSplitDeal(service, id)
  const path = '/partners/p1/statement?month=2024-01'

  const csv = await service.call('GET', '/partners/p1/statement.csv?month=2024-01')
  const byFormat = await service.call('GET', `${path}&format=csv`)
  const byAccept = await service.call('GET', path, undefined, { accept: 'text/csv' })
  const first = await service.call('GET', '/partners/p1/statement.csv?month=2024-01&limit=1')
  const next = /^<(?<url>.+)>; rel="next"$/.exec(String(first.headers['link']))?.groups?.['url'] as string
  const second = await service.call('GET', next)

  t.strictSame([byFormat.body, byAccept.body], [csv.body, csv.body])
  t.match(second.body, /^kind.*\r\nopening,.*\r\nearned,d2,.*\r\nclosing,,,,9600,.*\r\n$/)
  t.equal(second.headers['link'], undefined)
})

t.test('totals are exact above 2^53 minor units', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const amounts = [...Array.from({ length: 10 }, () => 9_999_999_999_999.99), 0.01]
  for (const [n, amount] of amounts.entries()) {
    const deal_id = `d${n}`
    await givenEvent(service, { partner_id: 'p1', deal_id, timestamp: '2024-05-01T08:00:00Z' })
    await givenDeal(service, { id: deal_id, amount, closed_date: '2024-05-01T12:00:00Z' })
  }
  const path = '/partners/p1/statement.csv?month=2024-05'

  const open = await service.call('GET', path)
  await givenLockedMonth(service, '2024-05')
  const locked = await service.call('GET', path)

  t.match(open.body, /\r\nclosing,,,,99999999999999\.91,,,USD,/)
  t.equal(locked.body, open.body)
})

t.test(
  'a statement is a 404 for an unknown partner, a 400 for a bad month, a 409 before the ledger is complete',
  async (t) => {
    const service = await createLedger(t)
    await givenSplitDeal(service, 'd1')
    const status = async (path: string) => (await service.call('GET', path)).statusCode

    t.equal(await status('/partners/nobody/statement?month=2024-01'), 404)
    t.equal(await status('/partners/nobody/statement.csv?month=2024-01'), 404)
    t.equal(await status('/partners/p1/statement?month=2024-13'), 400)
    await service.db.updateTable('deals').set({ commission_version: 0 }).execute()
    t.equal(await status('/partners/p1/statement?month=2024-01'), 409)
    t.equal(
      (await service.call('POST', '/periods/2024-01/lock', {})).json<{ code: string }>().code,
      'not_ready',
    )
  },
)

t.test('a statement is of a month of TIME_ZONE', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'Australia/Sydney' } })
  await givenPartner(service, 'p1')
  const closes = {
    'before-may': '2024-04-30T13:59:59.999Z',
    'first-instant': '2024-04-30T14:00:00Z',
    'last-instant': '2024-05-31T13:59:59.999Z',
    'after-may': '2024-05-31T14:00:00Z',
  }
  for (const [id, closed_date] of Object.entries(closes)) {
    await givenEvent(service, { partner_id: 'p1', deal_id: id, timestamp: '2024-04-01T00:00:00Z' })
    await givenDeal(service, { id, closed_date })
  }

  const { lines } = await readStatement(service, '2024-05')

  t.strictSame(
    lines.map(({ deal_id }) => deal_id),
    ['first-instant', 'last-instant'],
  )
})
