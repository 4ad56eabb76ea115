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

for (const path of lists.deals) {
  t.test(`GET ${path} misses or repeats only deals whose closed_date changes meanwhile`, async (t) => {
    const service = await createApp(t)
    await givenDeals(service)
    const moves = [
      () => service.call('PATCH', '/deals/d1', { closed_date: newer }),
      () => service.call('PATCH', '/deals/d8', { closed_date: older }),
    ]

    const ids = await readPages(service, { path, list: 'deals', between: async () => moves.shift()?.() })

    t.strictSame(ids, ['d9', 'd8', 'd7', 'd6', 'd5', 'd4', 'd3', 'd2', 'd0', 'd8'])
  })
}

t.test('GET /events neither skips nor repeats an event that is voided meanwhile', async (t) => {
  const service = await createApp(t)
  await givenDeals(service)
  const voids = ['e9', 'e4'].map((id) => () => service.call('POST', `/events/${id}/void`, { reason: 'no' }))

  const ids = await readPages(service, {
    path: '/events?',
    list: 'events',
    between: async () => voids.shift()?.(),
  })

  t.strictSame(
    ids,
    days.map((_, index) => `e${days.length - 1 - index}`),
  )
})

t.test('GET /deals?partner_id= lists the same deals as plain SQL, for every filter and page', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'Asia/Kathmandu' } })
  await givenHistory(service, createRandom(11), 60)

  for (const partner_id of ['p0', 'p1', 'p2', 'nobody']) {
    for (const currency of [undefined, 'USD', 'KWD', 'EUR']) {
      for (const attribution_model of [undefined, 'linear', 'time-decay']) {
        for (const [start_date, end_date] of periods) {
          const filter = { partner_id, currency, attribution_model, start_date, end_date }
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

// The second and the third are days, the others instants, of which the first is included and the last is not.
const periods = [
  [undefined, undefined],
  ['2024-03-01', '2024-12-31'],
  [undefined, '2024-06-30'],
  ['2024-06-01T18:15:00Z', '2025-02-01T00:00:00+05:45'],
] as const

interface Filter {
  readonly partner_id: string
  readonly currency: string | undefined
  readonly attribution_model: string | undefined
  readonly start_date: string | undefined
  readonly end_date: string | undefined
}

async function listIdsByPlainSql({ db }: TestApp, { partner_id, start_date, end_date, ...kind }: Filter) {
  const day = sql`
    case when closed_all_day then closed_on else (closed_date at time zone 'Asia/Kathmandu')::date end`
  const isWithin = start_date?.includes('T')
    ? sql`closed_date >= ${start_date} and closed_date < ${end_date}`
    : sql`${day} >= ${start_date ?? '1970-01-01'} and ${day} <= ${end_date ?? '9999-12-31'}`
  const { rows } = await sql<{ id: string }>`
    select id from deals where exists (select from events where deal_id = deals.id and partner_id = ${partner_id})
      and currency = coalesce(${kind.currency ?? null}, currency)
      and attribution_model = coalesce(${kind.attribution_model ?? null}, attribution_model)
      and ${isWithin}
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

t.test('GET /events lists the days of TIME_ZONE, and instants without the last', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'America/St_Johns' } })
  await givenPartner(service, 'p1')
  // Midnight is 03:30 before the clocks change on 8 March, and 02:30 after it.
  const times = [
    '2026-03-08T03:29:59.999Z',
    '2026-03-08T03:30:00Z',
    '2026-03-09T02:29:59.999Z',
    '2026-03-09T02:30:00Z',
  ]
  for (const [n, timestamp] of times.entries())
    await givenEvent(service, { id: `e${n}`, partner_id: 'p1', deal_id: `d${n % 2}`, timestamp })
  const listIds = async (query: string) => {
    const answer = await service.call('GET', `/events?${query}`)
    return answer.json<{ events: Rows }>().events.map(({ id }) => id)
  }

  t.strictSame(await listIds('start_date=2026-03-08&end_date=2026-03-08'), ['e2', 'e1'])
  t.strictSame(await listIds('end_date=2026-03-07'), ['e0'])
  t.strictSame(await listIds('start_date=2026-03-09&partner_id=p1'), ['e3'])
  t.strictSame(await listIds(`start_date=${times[1]}&end_date=${times[3]}&deal_id=d1`), ['e1'])
  t.equal((await service.call('GET', '/events?start_date=2026-03-09&end_date=2026-03-08')).statusCode, 400)
})
