import t from 'tap'
import { createApp } from '../support/app.ts'
import { givenChange, givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

const leave = { status: 'inactive', credit_after_leaving: false } as const

t.test('deals that close after a partner left without credit are split again with the change', async (t) => {
  const service = await createApp(t)
  await givenPartner(service, 'p1')
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  const model_parameters = { shares: [{ partner_id: 'p1', percentage: 40 }] }
  const agreed = { attribution_model: 'agreed', model_parameters }
  for (const deal_id of ['touched', 'past']) await givenEvent(service, { partner_id: 'p1', deal_id })
  await givenDeal(service, { id: 'touched', closed_date: tomorrow })
  await givenDeal(service, { id: 'agreed', closed_date: tomorrow, ...agreed })
  await givenDeal(service, { id: 'past', closed_date: '2024-01-20' })

  const left = await service.call('PATCH', '/partners/p1', leave)

  t.equal(left.statusCode, 200)
  for (const id of ['touched', 'agreed']) {
    const split = await service.call('GET', `/attribution/${id}`)
    t.match(split.json(), { version: 2, attributions: [], unattributed: 100 })
    const history = await service.call('GET', `/attribution/${id}/history`)
    t.match(history.body, /recalculated.*The credit of partner p1 changed\./)
  }
  t.match((await service.call('GET', '/attribution/past')).json(), { version: 1 })
})

t.test(
  'the credit of a partner does not change while more than 1,000 of its deals are yet to close',
  async (t) => {
    const service = await createApp(t)
    await givenPartner(service, 'p1')
    const model_parameters = { shares: [{ partner_id: 'p1', percentage: 40 }] }
    const deal = { closed_date: '2024-03-11', attribution_model: 'agreed', model_parameters }
    for (let n = 0; n < 1001; n += 91)
      await Promise.all(Array.from({ length: 91 }, () => givenDeal(service, deal)))

    const refused: unknown = await givenChange(service, 'p1', '2024-03-10T12:00:00Z', leave).catch(
      (error: unknown) => error,
    )

    t.match(refused, { faults: [{ detail: /^More than 1000 deals of the partner close today or later/ }] })
    t.match((await service.call('GET', '/partners/p1')).json(), {
      partner: { status: 'active', left_at: null },
    })
    const later = await givenChange(service, 'p1', '2024-03-12T12:00:00Z', leave)
    t.equal(later.status, 'inactive')
  },
)

t.test('a new group of a partner changes what deals owe that close after it', async (t) => {
  const service = await createApp(t)
  const { call } = service
  await givenPartner(service, 'p1')
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  const rules = [{ when: { groups: ['gold'] }, rate: '20' }, { rate: '10' }]
  for (const [id, own] of Object.entries({ grouped: rules, plain: [{ rate: '10' }] }))
    await call('POST', '/commission-plans', { id, name: id, effective_from: '2024-01-01', rules: own })
  for (const [id, closed_date, commission_plan_id] of [
    ['upcoming', tomorrow, 'grouped'],
    ['plain', tomorrow, 'plain'],
    ['past', '2024-01-20', 'grouped'],
  ] as const) {
    await givenEvent(service, { partner_id: 'p1', deal_id: id, timestamp: '2024-01-10T12:00:00Z' })
    await givenDeal(service, { id, closed_date, commission_plan_id })
  }

  await call('PATCH', '/partners/p1', { group: 'gold' })
  await call('PATCH', '/partners/p1', { group: 'gold', name: 'Alice' })

  const read = async (id: string) => (await call('GET', `/deals/${id}/commission`)).json<object>()
  t.match(await read('upcoming'), { version: 2, split_version: 1, commission: 20 })
  t.match(await read('plain'), { version: 1, commission: 10 })
  t.match(await read('past'), { version: 1, commission: 10 })
  const history = await call('GET', '/deals/upcoming/commission/history')
  t.match(history.json(), { versions: [{}, { cause: { note: 'The group of partner p1 changed.' } }] })
  t.match((await call('GET', '/attribution/upcoming')).json(), {
    version: 1,
    attributions: [{ commission: 20 }],
  })
})
