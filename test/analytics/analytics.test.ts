import t from 'tap'
import type { Analytics } from '../../src/analytics/schemas.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { createApp } from '../support/app.ts'
import { createRandom } from '../support/random.ts'
import { givenHistory, randomFilter } from './random-history.ts'
import { analyticsByPlainSql } from './plain-sql.ts'

// `npm run bench:ranges` compares 100,000.
const ranges = 200

t.test('GET /analytics matches plain SQL for random ranges, before and after a fold', async (t) => {
  const service = await createApp(t)
  const random = createRandom(1)
  await givenHistory(service, random, 120)

  for (let index = 0; index < ranges; index += 1) {
    if (index === ranges / 2) await foldChanges(service.db)
    const { query, period } = randomFilter(random)
    const answer = await service.call('GET', `/analytics?${query}`)
    const { filters: _, ...answered } = answer.json<Analytics>()

    t.strictSame(answered, await analyticsByPlainSql(service.db, period), query)
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
