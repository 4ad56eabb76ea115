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
import { createRandom } from '../support/random.ts'
import { analyticsByPlainSql } from './plain-sql.ts'
import { givenHistory, randomFilter, timeZones } from './random-history.ts'

// In each time zone. RANGES=25000 compares 100,000 in all.
const ranges = Number(process.env['RANGES'] ?? 500)
const deals = 600

for (const timeZone of timeZones) {
  t.test(`rollups and plain SQL agree on ${ranges} random periods in ${timeZone}`, async (t) => {
    const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
    const random = createRandom(1)
    await givenHistory(service, random, deals / 2)
    await foldChanges(service.db)
    await givenHistory(service, random, deals / 2, 'more')
    const filters = Array.from({ length: ranges }, () => randomFilter(random, createCalendar(timeZone)))

    const differing: string[] = []
    for (const half of [filters.slice(0, ranges / 2), filters.slice(ranges / 2)]) {
      for (const { query, period } of half) if (!(await agree(service, period))) differing.push(query)
      await foldChanges(service.db)
    }

    t.strictSame(differing, [])
  })
}

async function agree(
  { db }: TestApp,
  { timeZone, ...period }: ReturnType<typeof randomFilter>['period'],
): Promise<boolean> {
  const answered = {
    ...(await findOverview(db, period)),
    partners: (await rankPartners(db, period, { limit: 20 })).partners,
    touchpoints: await countTouchpoints(db, period),
    recent_deals: await listRecentDeals(db, period),
    currencies: await listCurrencies(db),
  }
  return isDeepStrictEqual(answered, await analyticsByPlainSql(db, { ...period, timeZone }))
}
