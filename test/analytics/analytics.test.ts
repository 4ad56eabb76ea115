import t from 'tap'
import type { Analytics } from '../../src/analytics/schemas.ts'
import { foldChanges } from '../../src/rollups/fold.ts'
import { createApp } from '../support/app.ts'
import { createDice } from '../support/dice.ts'
import { givenHistory, rollFilter } from './history.ts'
import { analyticsByPlainSql } from './plain.ts'

// `npm run bench:ranges` compares a hundred thousand.
const ranges = 200

// A busy machine takes its time over a thousand answers.
t.setTimeout(120_000)

t.test('analytics of any range are what plain SQL finds, folded or not', async (t) => {
  const service = await createApp(t)
  const dice = createDice(1)
  await givenHistory(service, dice, 120)

  for (let index = 0; index < ranges; index += 1) {
    if (index === ranges / 2) await foldChanges(service.db)
    const { query, period } = rollFilter(dice)
    const answer = await service.call('GET', `/analytics?${query}`)
    const { filters: _, ...figures } = answer.json<Analytics>()

    t.strictSame(figures, await analyticsByPlainSql(service.db, period), query)
  }
})

t.test(
  'while deals close and change, the payouts and the unattributed of each of 1,000 answers are the revenue',
  async (t) => {
    const service = await createApp(t)
    const isRead = new AbortController()
    const write = async () => {
      for (let round = 0; !isRead.signal.aborted; round += 1)
        await givenHistory(service, createDice(round), 20, `w${round}`)
    }
    const writing = write()
    const odd: Analytics[] = []

    for (let round = 0; round < 100; round += 1) {
      const reads = Array.from({ length: 10 }, () => service.call('GET', '/analytics?currency=JPY'))
      await foldChanges(service.db)
      for (const answer of await Promise.all(reads)) {
        const { overview, partners, models } = answer.json<Analytics>()
        const isEven =
          sum(partners, 'total_payout') + overview.unattributed === overview.total_revenue &&
          sum(models, 'total_amount') === overview.total_revenue &&
          sum(models, 'count') === overview.total_deals
        if (!isEven) odd.push(answer.json())
      }
    }
    isRead.abort()
    await writing

    t.strictSame(odd, [])
    const { overview } = (await service.call('GET', '/analytics?currency=JPY')).json<Analytics>()
    t.ok(overview.total_deals > 0)
  },
)

function sum<Name extends string>(rows: readonly Record<Name, number>[], name: Name): number {
  return rows.reduce((total, row) => total + row[name], 0)
}
