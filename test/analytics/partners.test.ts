import t from 'tap'
import type { PartnerAnalytics, PartnerRank } from '../../src/analytics/schemas.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { createRandom } from '../support/random.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import { givenHistory } from './random-history.ts'
import { partnerByPlainSql, partnersByPlainSql } from './plain-sql.ts'

interface Ranks {
  readonly partners: PartnerRank[]
  readonly pagination: { readonly next_cursor: string | null }
}

async function readAll({ call }: TestApp, query: string): Promise<PartnerRank[]> {
  const found: PartnerRank[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await call('GET', `/analytics/partners?limit=4&${query}${cursor && `&cursor=${cursor}`}`)
    const { partners, pagination } = answer.json<Ranks>()
    found.push(...partners)
    cursor = pagination.next_cursor
  }
  return found
}

t.test('GET /analytics/partners pages through all partners in every order', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(6), 60)
  const byPayout = await partnersByPlainSql(service.db, { currency: 'USD' })
  const byId = byPayout.toSorted((a, b) => (a.id < b.id ? -1 : 1))

  t.strictSame(await readAll(service, 'sort=payout'), byPayout)
  t.strictSame(
    await readAll(service, 'sort=deals'),
    byId.toSorted((a, b) => b.deals_count - a.deals_count),
  )
  t.strictSame(
    await readAll(service, 'sort=name'),
    byId.toSorted((a, b) => a.name.localeCompare(b.name)),
  )
})

t.test('GET /analytics/partners gives the total on every page', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(6), 60)
  const { length } = await partnersByPlainSql(service.db, { currency: 'USD' })

  const first = await service.call('GET', '/analytics/partners?limit=1')
  const { next_cursor } = first.json<Ranks>().pagination
  const second = await service.call('GET', `/analytics/partners?limit=1&cursor=${next_cursor}`)

  t.match(first.json(), { pagination: { total: length } })
  t.match(second.json(), { pagination: { total: length } })
})

t.test('GET /analytics/partners pages by the longest names', async (t) => {
  const service = await createApp(t)
  for (const id of ['p1', 'p2']) {
    await givenPartner(service, id, '\u{1d11e}'.repeat(200))
    await givenEvent(service, { partner_id: id, deal_id: 'd1', timestamp: '2026-01-01T08:00:00Z' })
  }
  await givenDeal(service, { id: 'd1', closed_date: '2026-01-02T08:00:00Z' })

  const first = await service.call('GET', '/analytics/partners?limit=1&sort=name')
  const { next_cursor } = first.json<Ranks>().pagination
  const second = await service.call('GET', `/analytics/partners?limit=1&sort=name&cursor=${next_cursor}`)

  t.match(second.json(), { partners: [{ id: 'p2' }], pagination: { next_cursor: null } })
})

t.test('GET /analytics/partner/:id matches plain SQL, before and after a fold', async (t) => {
  const timeZone = 'America/St_Johns'
  const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
  const pages = Array.from({ length: 19 }, (_, n) => `p${n}`).flatMap((id) =>
    ['USD', 'JPY'].map((currency) => [id, currency] as const),
  )
  await givenHistory(service, createRandom(8), 60)
  await givenMonths(service, 'p18')

  for (const isFolded of [false, true]) {
    if (isFolded) await foldChanges(service.db)
    for (const [id, currency] of pages) {
      const answer = await service.call('GET', `/analytics/partner/${id}?currency=${currency}`)
      const { partner, ...answered } = answer.json<PartnerAnalytics>()
      t.equal(partner.id, id)
      t.strictSame(
        answered,
        await partnerByPlainSql(service.db, { id, currency, timeZone }),
        `${id} in ${currency}`,
      )
    }
  }
})

/** Deals of a partner at both ends of each of the last 14 months, more than a page shows. */
async function givenMonths(service: TestApp, partner_id: string) {
  await givenPartner(service, partner_id)
  const calendar = createCalendar('America/St_Johns')
  const now = new Date()
  for (let n = 0; n < 14 * 8; n += 1) {
    const date = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - (n >> 3)))
      .toISOString()
      .slice(0, 10)
    const closed_date = new Date(calendar.startOf(date) - (n & 1)).toISOString()
    const deal_id = `month-${n}`
    await givenEvent(service, { partner_id, deal_id, timestamp: closed_date })
    await givenDeal(service, { id: deal_id, amount: 100 + n, closed_date })
  }
}

t.test('GET /analytics/partners refuses a cursor of another order', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(7), 20)
  const first = await service.call('GET', '/analytics/partners?limit=1')
  const { next_cursor } = first.json<Ranks>().pagination

  const refused = await service.call('GET', `/analytics/partners?limit=1&sort=name&cursor=${next_cursor}`)

  t.equal(refused.statusCode, 400)
  t.match(refused.json(), { errors: [{ pointer: 'cursor' }] })
})
