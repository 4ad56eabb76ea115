import t, { type Test } from 'tap'
import { replayDeals } from '../../src/record/replay.ts'
import { verifyRollups } from '../../src/rollups/verify.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenEvent, givenPartner } from '../support/fixtures.ts'

const day = '2024-01-20'

function agreed(...shares: readonly (readonly [string, number])[]) {
  const listed = shares.map(([partner_id, percentage]) => ({ partner_id, percentage }))
  return { attribution_model: 'agreed', model_parameters: { shares: listed } }
}

async function givenPartners(t: Test): Promise<TestApp> {
  const service = await createApp(t)
  await givenPartner(service, 'p1', 'Alice')
  await givenPartner(service, 'p2', 'Bob')
  await givenPartner(service, 'p3', 'Carol')
  return service
}

interface Answer {
  readonly deal: { readonly version: number; readonly model_parameters: object }
  readonly attribution: {
    readonly attributions: readonly {
      readonly partner_id: string
      readonly payout: number
      readonly percentage: number
    }[]
    readonly unattributed: number
  }
}

function paid({ attribution: { attributions, unattributed } }: Answer) {
  return [
    ...attributions.map(({ partner_id, payout, percentage }) => [partner_id, payout, percentage]),
    unattributed,
  ]
}

async function dealsOf({ call }: TestApp, partnerId: string): Promise<number> {
  const answer = await call('GET', `/deals?partner_id=${partnerId}`)
  return answer.json<{ deals: readonly object[] }>().deals.length
}

async function assertConsistent(t: Test, { db }: TestApp): Promise<void> {
  const { versions, differences } = await replayDeals(db, { after: '', limit: 100 })
  t.ok(versions > 0)
  t.strictSame(differences, [])
  t.strictSame(
    (await verifyRollups(db)).filter(({ differing }) => differing > 0),
    [],
  )
}

t.test('an agreed deal credits its partners with and without touchpoints', async (t) => {
  const service = await givenPartners(t)
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-19T00:00:00Z' })
  await givenEvent(service, { partner_id: 'p3', deal_id: 'd1', timestamp: '2024-01-19T00:00:00Z' })

  const closed = await service.call('POST', '/deals', {
    id: 'd1',
    amount: 100.01,
    closed_date: day,
    ...agreed(['p2', 20], ['p1', 12.5]),
  })

  t.equal(closed.statusCode, 201)
  t.match(closed.json(), {
    deal: { model_parameters: agreed(['p1', 12.5], ['p2', 20]).model_parameters },
    attribution: {
      attributions: [
        {
          partner_id: 'p2',
          partner_name: 'Bob',
          percentage: 20,
          payout: 20,
          touchpoints: 1,
          role: 'referral',
        },
        { partner_id: 'p1', partner_name: 'Alice', percentage: 12.5, payout: 12.5, touchpoints: 0, role: '' },
      ],
      unattributed: 67.51,
    },
  })
  t.strictSame(await Promise.all(['p1', 'p2', 'p3'].map((id) => dealsOf(service, id))), [1, 1, 1])
  const read = await service.call('GET', '/attribution/d1')
  t.strictSame(read.json(), { ...closed.json<{ attribution: object }>().attribution, cached: true })
  await assertConsistent(t, service)
})

t.test('the split of an agreed deal is explained', async (t) => {
  const service = await givenPartners(t)
  await givenEvent(service, { id: 'e2', partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-18T00:00:00Z' })
  await givenEvent(service, { id: 'e3', partner_id: 'p3', deal_id: 'd1', timestamp: '2024-01-19T00:00:00Z' })
  await service.call('POST', '/deals', {
    id: 'd1',
    amount: 1.01,
    closed_date: day,
    ...agreed(['p1', 25], ['p2', 25]),
  })

  const explained = await service.call('GET', '/attribution/d1?explain=true')

  t.match(explained.json(), {
    explanation: {
      touchpoints: [
        { event_id: 'e2', weight: '1/4', percentage: 25, payout: 0.25 },
        { event_id: 'e3', partner_name: 'Carol', weight: '0', percentage: 0, payout: 0 },
      ],
      odd_units: [{ partner_id: null, amount: 0.01, rule: 'largest remainder' }],
      sentences: [
        {
          partner_id: 'p1',
          sentence: 'Alice earns USD 0.25, 25.00 % of USD 1.01: its percentage is agreed.',
        },
        {
          partner_id: 'p2',
          sentence:
            'Bob earns USD 0.25, 25.00 % of USD 1.01, for 1 touchpoint (referral): its percentage is agreed.',
        },
      ],
    },
  })
})

t.test(
  'an agreement is refused if it is empty, above 100, repeats a partner or names an unknown one',
  async (t) => {
    const service = await givenPartners(t)
    const close = async (terms: object) => {
      const refused = await service.call('POST', '/deals', { amount: 1, ...terms })
      t.equal(refused.statusCode, 400)
      return refused.json<{ errors: readonly object[] }>().errors
    }
    const pointer = '/model_parameters/shares'

    t.strictSame(await close({ attribution_model: 'agreed' }), [
      { pointer, detail: 'The model agreed needs the percentages of its partners.' },
    ])
    t.strictSame(await close(agreed(['p1', 60], ['p2', 40.01])), [
      { pointer, detail: 'The percentages add up to more than 100.' },
    ])
    t.strictSame(await close(agreed(['p1', 10], ['p2', 10], ['p1', 10])), [
      { pointer: `${pointer}/2/partner_id`, detail: 'Partner p1 has a percentage already.' },
    ])
    t.strictSame(await close(agreed(['p1', 10], ['nobody', 10])), [
      { pointer, detail: 'No partner has the id nobody.' },
    ])
    t.match(await close(agreed(['p1', 10.005])), [{ pointer: `${pointer}/0/percentage` }])
    t.match(
      await close({
        attribution_model: 'equal',
        model_parameters: agreed(['p1', 1]).model_parameters,
      }),
      [{ detail: 'The model equal has no parameter shares.' }],
    )
  },
)

t.test(
  'PATCH replaces the percentages as a whole, and the deal is listed under the new partners',
  async (t) => {
    const service = await givenPartners(t)
    await service.call('POST', '/deals', {
      id: 'd1',
      amount: 100,
      closed_date: day,
      ...agreed(['p1', 50], ['p2', 50]),
    })
    const amend = async (change: object) => {
      const answer = await service.call('PATCH', '/deals/d1', change)
      t.equal(answer.statusCode, 200)
      return answer.json<Answer>()
    }

    const same = await amend({ model_parameters: agreed(['p2', 50], ['p1', 50]).model_parameters })
    const changed = await amend({ model_parameters: agreed(['p3', 33.33]).model_parameters })

    t.equal(same.deal.version, 1)
    t.equal(changed.deal.version, 2)
    t.strictSame(paid(changed), [['p3', 33.33, 33.33], 66.67])
    t.strictSame(await Promise.all(['p1', 'p2', 'p3'].map((id) => dealsOf(service, id))), [0, 0, 1])
    const unknown = await service.call('PATCH', '/deals/d1', agreed(['nobody', 1]))
    t.match([unknown.statusCode, unknown.json()], [400, { code: 'unknown_reference' }])
    const amount = await amend({ amount: 200 })
    t.strictSame(paid(amount), [['p3', 66.66, 33.33], 133.34])
    await assertConsistent(t, service)
  },
)

t.test('a deal becomes agreed and stops being agreed; void, it credits nobody', async (t) => {
  const service = await givenPartners(t)
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-19T00:00:00Z' })
  await service.call('POST', '/deals', {
    id: 'd1',
    amount: 100,
    closed_date: day,
    attribution_model: 'equal',
  })

  const made = await service.call('PATCH', '/deals/d1', agreed(['p1', 100]))
  t.strictSame(paid(made.json()), [['p1', 100, 100], 0])
  t.strictSame(await Promise.all(['p1', 'p2'].map((id) => dealsOf(service, id))), [1, 1])
  const back = await service.call('PATCH', '/deals/d1', { attribution_model: 'equal' })
  t.strictSame(paid(back.json()), [['p2', 100, 100], 0])
  t.strictSame(await Promise.all(['p1', 'p2'].map((id) => dealsOf(service, id))), [0, 1])
  await service.call('PATCH', '/deals/d1', agreed(['p1', 100]))
  const gone = await service.call('POST', '/deals/d1/void', { reason: 'Reopened.' })

  t.strictSame(paid(gone.json()), [100])
  await assertConsistent(t, service)
})

t.test('compare lists agreed for a deal that has it; simulate and what-if take it', async (t) => {
  const service = await givenPartners(t)
  await givenEvent(service, { partner_id: 'p2', deal_id: 'd1', timestamp: '2024-01-19T00:00:00Z' })
  await service.call('POST', '/deals', { id: 'd1', amount: 100, closed_date: day, ...agreed(['p1', 30]) })
  await service.call('POST', '/deals', {
    id: 'd2',
    amount: 100,
    closed_date: day,
    attribution_model: 'equal',
  })

  const models = async (id: string) => {
    const answer = await service.call('GET', `/attribution/${id}/compare`)
    return answer.json<{ models: readonly { readonly model: string }[] }>().models
  }
  t.match((await models('d1')).at(-1), {
    model: 'agreed',
    attributions: [{ partner_id: 'p1', partner_name: 'Alice', payout: 30 }],
    unattributed: 70,
  })
  t.notOk((await models('d2')).some(({ model }) => model === 'agreed'))

  const simulated = await service.call('POST', '/attribution/simulate', {
    amount: 10,
    ...agreed(['p1', 10], ['unregistered', 20]),
    events: [],
  })
  t.match(simulated.json(), {
    attributions: [
      { partner_id: 'unregistered', partner_name: 'unregistered', payout: 2 },
      { partner_id: 'p1', partner_name: 'Alice', payout: 1 },
    ],
    unattributed: 7,
  })

  const scenario = { start_date: day, end_date: day, ...agreed(['p3', 50]) }
  const proposed = await service.call('POST', '/analytics/what-if', scenario)
  t.match(proposed.json(), {
    partners: [
      { partner_id: 'p3', partner_name: 'Carol', payout_now: 0, payout_proposed: 100 },
      {
        partner_id: 'p2',
        partner_name: 'Bob',
        payout_now: 0,
        payout_proposed: 0,
        contested: { highest: 100 },
      },
      { partner_id: 'p1', partner_name: 'Alice', payout_now: 30, payout_proposed: 0 },
    ],
    unattributed: { payout_now: 170, payout_proposed: 100 },
  })
  const unknown = await service.call('POST', '/analytics/what-if', { ...scenario, ...agreed(['nobody', 50]) })
  t.equal(unknown.statusCode, 400)
})
