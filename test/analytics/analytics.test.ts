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
