import t from 'tap'
import type { RefundSplit } from '../../src/refunds/schemas.ts'
import { createApp } from '../support/app.ts'
import { listFaults } from '../support/corrections.ts'
import { givenDeal } from '../support/fixtures.ts'

const statusesOf = (answers: readonly { readonly statusCode: number }[]) =>
  answers.map(({ statusCode }) => statusCode).sort((a, b) => a - b)

t.test('20 refunds at once, of two instances, are never more than the amount of the deal', async (t) => {
  const service = await createApp(t)
  const other = await createApp(t, { url: service.url })
  await givenDeal(service, { id: 'd1', amount: 100 })

  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? service : other).call('POST', '/deals/d1/refunds', { id: `r${n}`, amount: 7 }),
    ),
  )

  const codes = answers.map((answer) => answer.json<{ code?: string }>().code ?? answer.statusCode)
  t.equal(codes.filter((code) => code === 201).length, 14)
  t.equal(codes.filter((code) => code === 'refund_too_large').length, 6)
  t.match((await service.call('GET', '/deals/d1')).json(), {
    deal: { refunded_amount: 98, net_amount: 2, version: 15 },
  })
  t.strictSame(await listFaults(service), [])
})

t.test('the same refund sent eight times at once is recorded once', async (t) => {
  const service = await createApp(t)
  await givenDeal(service, { id: 'd1', amount: 100 })

  const answers = await Promise.all(
    Array.from({ length: 8 }, () => service.call('POST', '/deals/d1/refunds', { id: 'r1', amount: 30 })),
  )

  t.strictSame(statusesOf(answers), [200, 200, 200, 200, 200, 200, 200, 201])
  for (const answer of answers) t.match(answer.json<RefundSplit>().deal, { net_amount: 70, version: 2 })
})

t.test('an id that is taken for two deals at once is recorded for one of them', async (t) => {
  const service = await createApp(t)
  const deals = ['d1', 'd2', 'd3', 'd4']
  for (const id of deals) await givenDeal(service, { id, amount: 100 })

  const answers = await Promise.all(
    deals.map((id) => service.call('POST', `/deals/${id}/refunds`, { id: 'r1', amount: 30 })),
  )

  t.strictSame(statusesOf(answers), [201, 409, 409, 409])
  for (const answer of answers.filter(({ statusCode }) => statusCode === 409))
    t.match(answer.json(), { code: 'refund_exists' })
  t.strictSame(await listFaults(service), [])
})
