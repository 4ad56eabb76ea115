import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { rankPartners } from '../../src/analytics/partner-queries.ts'
import {
  countTouchpoints,
  findOverview,
  listCurrencies,
  listRecentDeals,
} from '../../src/analytics/queries.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { forEachOf } from '../support/concurrency.ts'
import { createRandom } from '../support/random.ts'
import { analyticsOf, readFacts } from './facts-of-days.ts'
import { analyticsByPlainSql } from './plain-sql.ts'
import { givenHistory, randomFilter, timeZones } from './random-history.ts'

// In each time zone. RANGES=25000 compares 100,000 in all.
const ranges = Number(process.env['RANGES'] ?? 500)
const deals = 600
// Of these, plain SQL over the tables is asked for the whole period too, so that the sums of days are not the only witness.
const bySqlEvery = 50

for (const timeZone of timeZones) {
  t.test(`rollups and plain SQL agree on ${ranges} random periods in ${timeZone}`, async (t) => {
    const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
    const { db } = service
    const random = createRandom(1)
    await givenHistory(service, random, deals / 2)
    await foldChanges(db)
    await givenHistory(service, random, deals / 2, 'more')
    const facts = await readFacts(db, timeZone)
    const filters = Array.from({ length: ranges }, () => randomFilter(random, createCalendar(timeZone)))

    const differing: string[] = []
    for (const half of [filters.slice(0, ranges / 2), filters.slice(ranges / 2)]) {
      await forEachOf(half.entries(), 4, async ([n, { query, period }]) => {
        const answered = await readAnalytics(db, period)
        const expected: unknown[] = [analyticsOf(facts, period)]
        if (n % bySqlEvery === 0) expected.push(await analyticsByPlainSql(db, period))
        if (!expected.every((answer) => isDeepStrictEqual(answered, answer))) differing.push(query)
      })
      await foldChanges(db)
    }

    t.strictSame(differing, [])
  })
}

async function readAnalytics(
  db: TestApp['db'],
  { timeZone: _, ...period }: ReturnType<typeof randomFilter>['period'],
) {
  return {
    ...(await findOverview(db, period)),
    partners: (await rankPartners(db, period, { limit: 20 })).partners,
    touchpoints: await countTouchpoints(db, period),
    recent_deals: await listRecentDeals(db, period),
    currencies: await listCurrencies(db),
  }
}
