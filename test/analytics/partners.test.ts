import t from 'tap'
import type { PartnerRank } from '../../src/analytics/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { createDice } from '../support/dice.ts'
import { givenHistory } from './history.ts'
import { partnersByPlainSql } from './plain.ts'

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

t.test('GET /analytics/partners pages through every partner in each order', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createDice(6), 60)
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

t.test('GET /analytics/partners refuses a cursor of another order', async (t) => {
  const service = await createApp(t)
  await givenHistory(service, createDice(7), 20)
  const first = await service.call('GET', '/analytics/partners?limit=1')
  const { next_cursor } = first.json<Ranks>().pagination

  const refused = await service.call('GET', `/analytics/partners?limit=1&sort=name&cursor=${next_cursor}`)

  t.equal(refused.statusCode, 400)
  t.match(refused.json(), { errors: [{ pointer: 'cursor' }] })
})
