import { sql } from 'kysely'
import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'
import { createRandom } from '../support/random.ts'
import { givenHistory } from '../analytics/random-history.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

interface Page {
  readonly pagination: { readonly next_cursor: string | null }
}
type Rows = readonly { readonly id: string }[]

interface Listing {
  readonly path: string
  /** The property of the answer that holds the rows. */
  readonly list: string
  /** Runs after each page. */
  readonly between?: () => Promise<unknown>
}

/** Reads the ids of a list page by page. */
async function readPages({ call }: TestApp, { path, list, between }: Listing) {
  const ids: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const answer = await call('GET', `${path}limit=3${cursor && `&cursor=${cursor}`}`)
    const page = answer.json<Page & Record<string, Rows>>()
    ids.push(...(page[list] ?? []).map(({ id }) => id))
    cursor = page.pagination.next_cursor
    await between?.()
  }
  return ids
}

const days = Array.from({ length: 10 }, (_, index) => `2026-03-${String(10 + (index >> 1))}T00:00:00Z`)
const newer = '2026-04-01T00:00:00Z'
const older = '2026-02-01T00:00:00Z'

async function givenDeals(service: TestApp) {
  await givenPartner(service, 'p1')
  for (const [index, closed_date] of days.entries()) {
    await givenEvent(service, {
      id: `e${index}`,
      partner_id: 'p1',
      deal_id: `d${index}`,
      timestamp: closed_date,
    })
    await givenDeal(service, { id: `d${index}`, closed_date })
  }
}

let arrivals = 0

async function givenNewerAndOlderDeal(service: TestApp) {
  for (const at of [newer, older]) {
    const deal_id = `late${arrivals++}`
    await givenEvent(service, { id: deal_id, partner_id: 'p1', deal_id, timestamp: at })
    await givenDeal(service, { id: deal_id, closed_date: at })
  }
}

const lists = {
  deals: [
    '/deals?',
    '/deals?partner_id=p1&',
    '/deals?partner_id=p1&currency=USD&',
    '/deals?partner_id=p1&attribution_model=equal&',
    '/deals?partner_id=p1&currency=USD&attribution_model=equal&',
    '/deals?currency=USD&',
    '/deals?attribution_model=equal&',
    '/deals?currency=USD&attribution_model=equal&',
  ],
  events: ['/events?', '/events?partner_id=p1&'],
}

for (const [list, paths] of Object.entries(lists)) {
  for (const path of paths) {
    t.test(`GET ${path} neither skips nor repeats rows while others arrive`, async (t) => {
      const service = await createApp(t)
      await givenDeals(service)
      let pages = 0

      const ids = await readPages(service, {
        path,
        list,
        between: async () => pages++ < 3 && givenNewerAndOlderDeal(service),
      })

      const first = list === 'deals' ? 'd' : 'e'
      const expected = days.map((_, index) => `${first}${days.length - 1 - index}`)
      t.strictSame(
        ids.filter((id) => id.startsWith(first)),
        expected,
      )
      t.equal(new Set(ids).size, ids.length)
    })
  }
}

t.test('GET /deals?partner_id= lists the same deals as plain SQL, for every filter and page', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createRandom(11), 60)

  for (const partner_id of ['p0', 'p1', 'p2', 'nobody']) {
    for (const currency of [undefined, 'USD', 'KWD', 'EUR']) {
      for (const attribution_model of [undefined, 'linear', 'time-decay']) {
        for (const start_date of [undefined, '2024-12-01']) {
          const filter = { partner_id, currency, attribution_model, start_date }
          const query = new URLSearchParams(JSON.parse(JSON.stringify(filter))).toString()
          const expected = await listIdsByPlainSql(service, filter)
          const skipped = await service.call('GET', `/deals?${query}&offset=2&limit=5`)

          t.strictSame(await readPages(service, { path: `/deals?${query}&`, list: 'deals' }), expected, query)
          t.strictSame(
            skipped.json<{ deals: Rows }>().deals.map(({ id }) => id),
            expected.slice(2, 7),
          )
        }
      }
    }
  }
})

interface Filter {
  readonly partner_id: string
  readonly currency: string | undefined
  readonly attribution_model: string | undefined
  readonly start_date: string | undefined
}

async function listIdsByPlainSql({ db }: TestApp, { partner_id, start_date, ...kind }: Filter) {
  const { rows } = await sql<{ id: string }>`
    select id from deals where exists (select from events where deal_id = deals.id and partner_id = ${partner_id})
      and currency = coalesce(${kind.currency ?? null}, currency)
      and attribution_model = coalesce(${kind.attribution_model ?? null}, attribution_model)
      and closed_date >= ${start_date ?? '1970-01-01'}
    order by closed_date desc, id desc`.execute(db)
  return rows.map(({ id }) => id)
}

t.test('GET /deals?partner_id= follows amended closes, amended models and late touchpoints', async (t) => {
  const service = await createApp(t)
  await givenDeals(service)
  await givenDeal(service, { id: 'touched-late', closed_date: '2026-03-12T12:00:00Z' })
  await givenEvent(service, { partner_id: 'p1', deal_id: 'touched-late', timestamp: newer })
  await service.call('PATCH', '/deals/d0', { closed_date: newer, attribution_model: 'linear' })

  const found = await service.call('GET', '/deals?partner_id=p1&start_date=2026-03-12&limit=4')

  const { deals } = found.json<{ deals: Rows }>()
  t.strictSame(
    deals.map(({ id }) => id),
    ['d0', 'd9', 'd8', 'd7'],
  )
  const all = await service.call('GET', '/deals?partner_id=p1&end_date=2026-03-12&limit=1')
  t.match(all.json(), { deals: [{ id: 'touched-late' }] })
  const linear = await service.call('GET', '/deals?partner_id=p1&attribution_model=linear')
  t.match(linear.json(), { deals: [{ id: 'd0' }], pagination: { total: 1 } })
  const others = await service.call('GET', '/deals?partner_id=p1&attribution_model=equal&limit=1')
  t.match(others.json(), { deals: [{ id: 'd9' }] })
})
