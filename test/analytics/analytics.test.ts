import t from 'tap'
import type { Analytics } from '../../src/analytics/schemas.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { createApp } from '../support/app.ts'
import { createRandom } from '../support/random.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import type { Statement } from '../../src/ledger/statement-schemas.ts'
import { givenHistory, randomFilter, timeZones } from './random-history.ts'
import { analyticsByPlainSql } from './plain-sql.ts'

// `analytics.proof.ts` compares 100,000.
const ranges = 100

for (const timeZone of timeZones) {
  t.test(
    `GET /analytics matches plain SQL for random days of ${timeZone}, before and after a fold`,
    async (t) => {
      const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
      const calendar = createCalendar(timeZone)
      const random = createRandom(1)
      await givenHistory(service, random, 80)

      for (let index = 0; index < ranges; index += 1) {
        if (index === ranges / 2) await foldChanges(service.db)
        const { query, period } = randomFilter(random, calendar)
        const answer = await service.call('GET', `/analytics?${query}`)
        const { filters, ...answered } = answer.json<Analytics>()

        const { first = null, last = null, currency } = period
        t.strictSame(filters, { start_date: first, end_date: last, currency }, query)
        t.strictSame(answered, await analyticsByPlainSql(service.db, period), query)
      }
    },
  )
}

t.test('days, months and years add up to each other in every report', async (t) => {
  const timeZone = 'Australia/Sydney'
  const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
  await givenHistory(service, createRandom(4), 80)
  await foldChanges(service.db)
  const overviewOf = async (start: string, end: string) => {
    const answer = await service.call('GET', `/analytics?start_date=${start}&end_date=${end}`)
    return answer.json<Analytics>()
  }
  const year = await overviewOf('2024-01-01', '2024-12-31')
  // One after another: hundreds at once wait too long for a connection where other tests take the processors.
  const months: Analytics[] = []
  for (const { first, last } of monthsOf(2024)) months.push(await overviewOf(first, last))
  const days: Analytics[] = []
  for (const date of datesOf(2024)) days.push(await overviewOf(date, date))
  const statements = monthsOf(2024).map(async ({ month }) => {
    const answer = await service.call('GET', `/partners/p1/statement?month=${month}`)
    const { opening, closing } = answer.json<Statement>()
    return cents(closing - opening)
  })

  for (const parts of [months, days]) {
    const overviews = parts.map(({ overview }) => overview)
    t.equal(sum(overviews, 'total_deals'), year.overview.total_deals)
    t.equal(cents(sum(overviews, 'total_revenue')), cents(year.overview.total_revenue))
    t.equal(
      sum(
        parts.flatMap(({ touchpoints }) => touchpoints),
        'count',
      ),
      sum(year.touchpoints, 'count'),
    )
  }
  // The plan full pays the whole payout.
  t.strictSame(await Promise.all(statements), months.map(payoutOf).map(cents))
  t.ok(payoutOf(year) > 0)
})

const payoutOf = ({ partners }: Analytics) => partners.find(({ id }) => id === 'p1')?.total_payout ?? 0

function monthsOf(year: number) {
  return Array.from({ length: 12 }, (_, n) => {
    const [first, last] = [new Date(Date.UTC(year, n)), new Date(Date.UTC(year, n + 1, 0))].map((date) =>
      date.toISOString().slice(0, 10),
    ) as [string, string]
    return { month: first.slice(0, 7), first, last }
  })
}

function datesOf(year: number): string[] {
  return Array.from({ length: 366 }, (_, n) => new Date(Date.UTC(year, 0, n + 1)).toISOString().slice(0, 10))
}

const cents = (amount: number) => Math.round(amount * 100)

t.test('a report of days within a day is refused, and says what to send', async (t) => {
  const service = await createApp(t, { config: { TIME_ZONE: 'Asia/Kathmandu' } })
  const query = 'start_date=2026-01-01T00:00:00Z&end_date=2026-01-01T00:00:00Z'

  for (const path of ['/analytics', '/analytics/partners']) {
    const refused = await service.call('GET', `${path}?${query}`)
    t.equal(refused.statusCode, 400)
    t.match(refused.json(), {
      errors: [
        { pointer: 'start_date', detail: /whole days.*the first second of a day in Asia\/Kathmandu/ },
        { pointer: 'end_date', detail: /whole days.*the last second of a day in Asia\/Kathmandu/ },
      ],
    })
  }
})

t.test('GET /analytics stays consistent while deals close and change', async (t) => {
  const service = await createApp(t)
  const isRead = new AbortController()
  const write = async () => {
    for (let round = 0; !isRead.signal.aborted; round += 1)
      await givenHistory(service, createRandom(round), 20, `w${round}`)
  }
  const writing = write()
  const inconsistent: Analytics[] = []

  for (let round = 0; round < 100; round += 1) {
    const reads = Array.from({ length: 10 }, () => service.call('GET', '/analytics?currency=JPY'))
    await foldChanges(service.db)
    for (const answer of await Promise.all(reads)) {
      const { overview, partners, models } = answer.json<Analytics>()
      const isConsistent =
        sum(partners, 'total_payout') + overview.unattributed === overview.total_revenue &&
        sum(models, 'total_amount') === overview.total_revenue &&
        sum(models, 'count') === overview.total_deals
      if (!isConsistent) inconsistent.push(answer.json())
    }
  }
  isRead.abort()
  await writing

  t.strictSame(inconsistent, [])
  const { overview } = (await service.call('GET', '/analytics?currency=JPY')).json<Analytics>()
  t.ok(overview.total_deals > 0)
})

function sum<Name extends string>(rows: readonly Record<Name, number>[], name: Name): number {
  return rows.reduce((total, row) => total + row[name], 0)
}
