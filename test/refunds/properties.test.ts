import t from 'tap'
import type { DealSplit } from '../../src/deals/schemas.ts'
import type { Attribution } from '../../src/splits/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { listFaults } from '../support/corrections.ts'
import { givenEvent, givenPartner } from '../support/fixtures.ts'
import { createRandom, type Random } from '../support/random.ts'

const models = ['equal', 'first-touch', 'role-based', 'time-decay', 'linear', 'position-based'] as const
const types = ['referral', 'demo', 'intro', 'support', 'closer', 'other'] as const

/** What a deal must be after each step, in minor units. */
interface Expected {
  readonly id: string
  amount: number
  isVoid: boolean
  readonly refunds: Map<string, number>
}

const refundedOf = ({ refunds }: Expected) => [...refunds.values()].reduce((sum, part) => sum + part, 0)

async function givenDeal(service: TestApp, id: string, random: Random): Promise<Expected> {
  const amount = 1 + random(1_000_000)
  const touches = random(6)
  for (let n = 0; n < touches; n++)
    await givenEvent(service, {
      id: `${id}-${n}`,
      deal_id: id,
      partner_id: `p${random(4)}`,
      touchpoint_type: types[random(types.length)],
      timestamp: `2024-01-${10 + random(9)}T00:00:00Z`,
    })
  await service.call('POST', '/deals', {
    id,
    amount: amount / 100,
    closed_date: '2024-01-20',
    attribution_model: models[random(models.length)],
  })
  return { id, amount, isVoid: false, refunds: new Map() }
}

/** Takes a random step and returns its status, with the status that the model expects. */
async function step({ call }: TestApp, deal: Expected, random: Random, n: number) {
  const { id, refunds } = deal
  const refunded = refundedOf(deal)
  const path = `/deals/${id}`
  const kind = random(10)
  if (kind < 5) {
    const part = random(4) === 0 ? Math.max(deal.amount - refunded, 1) : 1 + random(deal.amount)
    const isPossible = !deal.isVoid && part <= deal.amount - refunded
    const answer = await call('POST', `${path}/refunds`, { id: `${id}-r${n}`, amount: part / 100 })
    if (isPossible) refunds.set(`${id}-r${n}`, part)
    return [answer.statusCode, isPossible ? 201 : 409]
  }
  if (kind < 7) {
    const refund = [...refunds.keys()][random(refunds.size)]
    if (refund === undefined) return []
    const answer = await call('POST', `/refunds/${refund}/void`, { reason: 'a mistake' })
    if (!deal.isVoid) refunds.delete(refund)
    return [answer.statusCode, deal.isVoid ? 409 : 200]
  }
  if (kind < 9) {
    const amount = 1 + random(1_000_000)
    const isPossible = !deal.isVoid && amount >= refunded
    const answer = await call('PATCH', path, { amount: amount / 100 })
    if (isPossible) deal.amount = amount
    return [answer.statusCode, isPossible ? 200 : 409]
  }
  const answer = await call('POST', `${path}/${deal.isVoid ? 'reinstate' : 'void'}`, { reason: 'a test' })
  deal.isVoid = !deal.isVoid
  return [answer.statusCode, 200]
}

const percentagesOf = ({ attributions }: Attribution) =>
  Object.fromEntries(attributions.map(({ partner_id, percentage }) => [partner_id, percentage]))

const toMinor = (amount: number) => Math.round(amount * 100)

async function read({ call }: TestApp, { id }: Expected) {
  const { deal } = (await call('GET', `/deals/${id}`)).json<DealSplit>()
  const split = (await call('GET', `/attribution/${id}`)).json<Attribution>()
  const paid = split.attributions.reduce((sum, { payout }) => sum + toMinor(payout), 0)
  return {
    amount: toMinor(deal.amount),
    refunded: toMinor(deal.refunded_amount),
    net: toMinor(deal.net_amount),
    total: toMinor(split.total_amount),
    sum: paid + toMinor(split.unattributed),
  }
}

t.test(
  'after any steps the payouts and what is left add up to the net amount, and to 0 in the end',
  async (t) => {
    const service = await createApp(t)
    const random = createRandom(17)
    for (let n = 0; n < 4; n++) await givenPartner(service, `p${n}`)
    const deals = []
    for (let n = 0; n < 15; n++) deals.push(await givenDeal(service, `d${n}`, random))

    for (const deal of deals) {
      for (let n = 0; n < 16; n++) {
        const [status, expected] = await step(service, deal, random, n)
        const refunded = refundedOf(deal)
        const net = deal.amount - refunded
        t.equal(status, expected)
        t.strictSame(await read(service, deal), { amount: deal.amount, refunded, net, total: net, sum: net })
      }
    }

    for (const deal of deals) {
      if (deal.isVoid) await service.call('POST', `/deals/${deal.id}/reinstate`, { reason: 'the end' })
      const before = (await service.call('GET', `/attribution/${deal.id}`)).json<Attribution>()
      const left = deal.amount - refundedOf(deal)
      if (left > 0) await service.call('POST', `/deals/${deal.id}/refunds`, { amount: left / 100 })
      const after = (await service.call('GET', `/attribution/${deal.id}`)).json<Attribution>()
      t.strictSame([after.total_amount, after.unattributed], [0, 0])
      t.strictSame(
        after.attributions.filter(({ payout }) => payout !== 0),
        [],
      )
      t.strictSame(percentagesOf(after), percentagesOf(before))
    }
    t.strictSame(await listFaults(service), [])
    t.match((await service.call('GET', '/analytics')).json(), {
      overview: { total_deals: 15, total_revenue: 0, unattributed: 0, avg_deal_size: 0 },
      partners: (await service.call('GET', '/analytics'))
        .json<{ partners: object[] }>()
        .partners.map(() => ({ total_payout: 0, revenue_share_pct: 0 })),
    })
  },
)
