import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import type { DealAttribution, ShareLine } from '../../src/splits/bulk-schemas.ts'
import type { Pagination } from '../../src/values/schemas.ts'
import type { Static } from '@sinclair/typebox'
import { givenHistory, randomFilter } from '../analytics/random-history.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner, givenTouchpoints } from '../support/fixtures.ts'
import { connectAsOwner, createDatabase } from '../support/database.ts'
import { fillWithLongShares } from '../support/long-shares.ts'
import { createRandom } from '../support/random.ts'

interface Page {
  readonly attributions: readonly DealAttribution[]
  readonly pagination: Static<typeof Pagination>
}

const readPage = async ({ call }: TestApp, query: string) =>
  (await call('GET', `/attributions?${query}`)).json<Page>()

const readLines = async ({ call }: TestApp, query: string) => {
  const { body } = await call('GET', `/attributions.ndjson?${query}`)
  return body
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ShareLine)
}

const idsOf = ({ attributions }: Page) => attributions.map(({ deal_id }) => deal_id)

/** Deals d1, d2, … that closed on the first days of May 2026, each credited to p1. */
async function givenMay(service: TestApp, deals: number) {
  await givenPartner(service, 'p1', 'Alice')
  for (let n = 1; n <= deals; n += 1) {
    await givenEvent(service, { partner_id: 'p1', deal_id: `d${n}`, timestamp: '2026-05-01T00:00:00Z' })
    await givenDeal(service, { id: `d${n}`, closed_date: `2026-05-0${n}T12:00:00Z` })
  }
}

t.test(
  'GET /attributions lists the current splits of the days of a period, oldest close first',
  async (t) => {
    const service = await createApp(t, { config: { TIME_ZONE: 'Asia/Kathmandu' } })
    await givenMay(service, 3)
    await givenPartner(service, 'p2')
    await givenEvent(service, { partner_id: 'p2', deal_id: 'd2', timestamp: '2026-05-01T00:00:00Z' })
    await givenDeal(service, { id: 'euro', currency: 'EUR', closed_date: '2026-05-02T18:14:59Z' })
    await givenDeal(service, { id: 'later', closed_date: '2026-05-03T18:15:00Z' })
    await givenDeal(service, { id: 'void', closed_date: '2026-05-02T00:00:00Z' })
    await service.call('POST', '/deals/void/void', { reason: 'fell through' })

    const period = 'start_date=2026-05-02&end_date=2026-05-03'
    const all = await readPage(service, period)
    const dollars = await readPage(service, `${period}&currency=USD`)
    const ofPartner = await readPage(service, `${period}&partner_id=p1`)
    const ofPartnerInEuro = await readPage(service, `${period}&partner_id=p1&currency=EUR`)
    const ofAny = await readPage(service, '')

    const single = await service.call('GET', '/attribution/d2')
    t.strictSame(all.attributions[0], { ...single.json<object>(), closed_on: '2026-05-02' })
    t.strictSame(idsOf(all), ['d2', 'euro', 'd3'])
    t.strictSame(idsOf(dollars), ['d2', 'd3'])
    t.strictSame(ofPartner.attributions, dollars.attributions)
    t.strictSame(idsOf(ofPartnerInEuro), [])
    t.strictSame(idsOf(ofAny), ['d1', 'd2', 'euro', 'd3', 'later'])
  },
)

for (const filter of ['', 'partner_id=p1&', 'currency=USD&', 'partner_id=p1&currency=USD&']) {
  t.test(`GET /attributions?${filter} neither skips nor repeats deals while others arrive`, async (t) => {
    const service = await createApp(t)
    await givenMay(service, 5)
    const seen: string[] = []

    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page = await readPage(service, `${filter}limit=2${cursor && `&cursor=${cursor}`}`)
      seen.push(...idsOf(page))
      cursor = page.pagination.next_cursor
      const id = `earlier-${seen.length}`
      await givenEvent(service, { partner_id: 'p1', deal_id: id, timestamp: '2026-04-01T00:00:00Z' })
      await givenDeal(service, { id, closed_date: '2026-04-02T00:00:00Z' })
      await service.call('PATCH', '/deals/d4', { amount: seen.length })
    }

    t.strictSame(seen, ['d1', 'd2', 'd3', 'd4', 'd5'])
  })
}

t.test('a page whose deals have many shares has fewer deals than its limit', async (t) => {
  const service = await createApp(t)
  for (let n = 10; n < 22; n += 1) {
    await givenTouchpoints(service, { deal_id: `d${n}`, count: 500, partners: 500 })
    await givenDeal(service, { id: `d${n}`, closed_date: '2026-05-01T00:00:00Z' })
  }

  const first = await readPage(service, 'limit=1000')
  const second = await readPage(service, `limit=1000&cursor=${first.pagination.next_cursor}`)
  const lines = await readLines(service, '')

  t.equal(first.attributions.length, 10)
  t.equal(first.pagination.limit, 1000)
  t.strictSame(idsOf(second), ['d20', 'd21'])
  t.equal(second.pagination.next_cursor, null)
  t.equal(lines.length, 6000)
})

t.test('an export has a line for each share and one for what is unattributed', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1', '=Alice, "A"')
  await givenPartner(service, 'p2', 'Bob')
  const timestamp = '2026-05-01T00:00:00Z'
  await givenEvent(service, { partner_id: 'p1', deal_id: '-1', timestamp })
  await givenEvent(service, { partner_id: 'p1', deal_id: '-1', touchpoint_type: 'closer', timestamp })
  await givenEvent(service, { partner_id: 'p2', deal_id: '-1', timestamp })
  await givenDeal(service, { id: '-1', amount: 10.01, closed_date: '2026-05-02T00:00:00Z' })
  await givenDeal(service, {
    id: 'lonely',
    amount: 999_999_999_999.999,
    currency: 'KWD',
    closed_date: '2026-05-03T00:00:00Z',
  })

  const csv = await service.call('GET', '/attributions.csv?start_date=2026-05-01&end_date=2026-05-31')
  const csvOfPartner = await service.call('GET', '/attributions.csv?partner_id=p2')
  const lines = await readLines(service, '')
  const none = await service.call('GET', '/attributions.csv?start_date=2027-01-01')

  t.match(csv.headers, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="attributions-2026-05-01-2026-05-31.csv"',
    'cache-control': 'no-store',
  })
  const head =
    'deal_id,closed_on,currency,total_amount,partner_id,partner_name,percentage,payout,commission,touchpoints,role,model,version,calculated_at'
  const [first, second, third] = lines.map(({ calculated_at }) => calculated_at)
  t.strictSame(csv.body.split('\r\n'), [
    head,
    `'-1,2026-05-02,USD,10.01,p1,"'=Alice, ""A""",50,5.01,5.01,2,"closer, referral",equal,1,${first}`,
    `'-1,2026-05-02,USD,10.01,p2,Bob,50,5,5,1,referral,equal,1,${second}`,
    `lonely,2026-05-03,KWD,999999999999.999,,,100,999999999999.999,0,0,,equal,1,${third}`,
    '',
  ])
  t.equal(csvOfPartner.body.split('\r\n').length, 3)
  t.equal(none.body, `${head}\r\n`)
  t.strictSame(lines[2], {
    deal_id: 'lonely',
    closed_on: '2026-05-03',
    currency: 'KWD',
    total_amount: 999_999_999_999.999,
    partner_id: null,
    partner_name: null,
    percentage: 100,
    payout: 999_999_999_999.999,
    commission: 0,
    touchpoints: 0,
    role: '',
    model: 'equal',
    version: 1,
    calculated_at: third,
  })
})

t.test('an export of any period adds up to analytics', async (t) => {
  const service = await createApp(t)
  const random = createRandom(5)
  await givenHistory(service, random, 120)

  for (let n = 0; n < 30; n += 1) {
    const { query } = randomFilter(random)
    const lines = await readLines(service, query)
    const analytics = await service.call('GET', `/analytics?${query}`)
    const deals = new Map(lines.map((line) => [line.deal_id, line.total_amount]))
    const payouts = (isPartner: boolean) =>
      sum(lines.filter((line) => (line.partner_id !== null) === isPartner).map(({ payout }) => payout))
    const { overview, partners } = analytics.json<{
      overview: { total_deals: number; total_revenue: number; unattributed: number }
      partners: { id: string; total_payout: number }[]
    }>()

    t.equal(deals.size, overview.total_deals, query)
    t.equal(sum([...deals.values()]), overview.total_revenue)
    t.equal(payouts(false), overview.unattributed)
    t.equal(payouts(true), sum(partners.map(({ total_payout }) => total_payout)))
    for (const { id, total_payout } of partners) {
      const own = await readLines(service, `${query}&partner_id=${id}`)
      t.equal(sum(own.map(({ payout }) => payout)), total_payout)
    }
  }
})

t.test('the shares of a partner are the same alone, in pages and among all', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(6), 60)

  const all = await readLines(service, '')
  for (const partner of ['p0', 'p1', 'p2', 'nobody']) {
    const expected = all.filter(({ partner_id }) => partner_id === partner)
    const listed: string[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Page = await readPage(
        service,
        `partner_id=${partner}&limit=3${cursor && `&cursor=${cursor}`}`,
      )
      listed.push(...idsOf(page))
      cursor = page.pagination.next_cursor
    }

    t.strictSame(await readLines(service, `partner_id=${partner}`), expected)
    t.strictSame(
      listed,
      expected.map(({ deal_id }) => deal_id),
    )
  }
})

// No currency of the history has more than three decimals.
function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + Math.round(amount * 1000), 0) / 1000
}

t.test('a fifth export at the same time is a 503', async (t) => {
  const service = await createApp(t)
  await givenMay(service, 1)
  const locked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const locking = service.db.transaction().execute(async (trx) => {
    await sql`lock table deals in access exclusive mode`.execute(trx)
    locked.resolve()
    await release.promise
  })
  await locked.promise

  const exports = Promise.all(Array.from({ length: 4 }, () => service.call('GET', '/attributions.csv')))
  while ((await countWaiting(service)) < 4) await setImmediate()
  const fifth = await service.call('GET', '/attributions.ndjson')
  release.resolve()
  await locking
  const statuses = (await exports).map(({ statusCode }) => statusCode)
  const next = await service.call('GET', '/attributions.ndjson')

  t.equal(fifth.statusCode, 503)
  t.equal(fifth.headers['retry-after'], '1')
  t.strictSame(statuses, [200, 200, 200, 200])
  t.equal(next.statusCode, 200)
})

t.test('a page of an export that fails is read again, so that the answer arrives whole', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  const { lines } = await fillWithLongShares(ownerUrl, 1750)
  const service = await createApp(t, { url })
  const owner = connectAsOwner(t, url)
  const base = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const request = get(`${base}/attributions.csv`, { headers: { 'x-api-key': service.key } })
  const [answer] = (await once(request, 'response')) as [IncomingMessage]

  // Nothing is read yet, so not all pages are.
  const whole = await owner.transaction().execute(async (trx) => {
    await sql`lock table deals in access exclusive mode`.execute(trx)
    const reading = text(answer)
    while ((await countWaiting(service)) === 0) await setImmediate()
    const { rows } = await sql`
      select pg_cancel_backend(pid) from pg_locks join pg_database on pg_database.oid = database
      where datname = current_database() and not granted`.execute(trx)
    t.equal(rows.length, 1)
    return { reading }
  })

  t.equal((await whole.reading).split('\r\n').length, 1 + lines + 1)
})

/** How many transactions wait for a lock. */
async function countWaiting({ db }: TestApp): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int from pg_locks join pg_database on pg_database.oid = database
    where datname = current_database() and not granted`.execute(db)
  return rows[0]?.count ?? 0
}

t.test('an export that cannot begin is answered with a problem', async (t) => {
  const { call } = await createApp(t)

  const reversed = await call('GET', '/attributions.csv?start_date=2026-05-02&end_date=2026-05-01')
  const instant = await call('GET', '/attributions?start_date=2026-05-02T10:00:00Z')

  t.strictSame([reversed.statusCode, instant.statusCode], [400, 400])
  t.equal(reversed.headers['content-type'], 'application/problem+json')
  t.equal(reversed.headers['content-disposition'], undefined)
})
