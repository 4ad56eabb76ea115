import t from 'tap'
import type { Analytics } from '../../src/analytics/schemas.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { createApp } from '../support/app.ts'
import { createDice, givenHistory, rollFilter } from './history.ts'
import { analyticsByPlainSql } from './plain.ts'

// `npm run bench:ranges` compares a hundred thousand.
const ranges = 200

t.test('analytics of any range are what plain SQL finds, folded or not', async (t) => {
  const service = await createApp(t)
  const dice = createDice(1)
  await givenHistory(service, dice, 120)

  for (let index = 0; index < ranges; index += 1) {
    if (index === ranges / 2) await foldChanges(service.db)
    const { query, period } = rollFilter(dice)
    const answer = await service.call('GET', `/analytics?${query}`)
    const { filters: _, recent_deals: __, ...figures } = answer.json<Analytics>()

    t.strictSame(figures, await analyticsByPlainSql(service.db, period), query)
  }
})

t.test(
  'while deals close and change, the payouts and the unattributed of every answer are the revenue',
  async (t) => {
    const service = await createApp(t)
    await givenHistory(service, createDice(4), 5)
    const done = new AbortController()
    const writing = givenHistory(service, createDice(5), 80, 'w').finally(() => done.abort())

    for (let answers = 0; !done.signal.aborted; answers += 1) {
      if (answers % 10 === 0) await foldChanges(service.db)
      const answer = await service.call('GET', '/analytics?currency=JPY')
      const { overview, partners, models } = answer.json<Analytics>()

      t.equal(sum(partners, 'total_payout') + overview.unattributed, overview.total_revenue)
      t.equal(sum(models, 'total_amount'), overview.total_revenue)
      t.equal(sum(models, 'count'), overview.total_deals)
    }
    await writing
  },
)

function sum<Name extends string>(rows: readonly Record<Name, number>[], name: Name): number {
  return rows.reduce((total, row) => total + row[name], 0)
}
