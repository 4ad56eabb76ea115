import { sql } from 'kysely'
import t from 'tap'
import { runSteps } from '../../src/jobs/run-steps.ts'
import { freezeNextMonth } from '../../src/ledger/freeze.ts'
import { verifyLedger } from '../../src/ledger/verify.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'
import { createRandom, type Random } from '../support/random.ts'
import { givenPlan } from './fixtures.ts'

const months = ['2024-01', '2024-02', '2024-03', '2024-04', '2024-05', '2024-06']
const types = ['referral', 'demo', 'support', 'closer']
const models = ['equal', 'linear', 'role-based', 'last-touch']

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[random(items.length)] as Item
}

interface History {
  readonly random: Random
  /** The month that the history is in. */
  readonly month: number
}

/** One random request. Returns its status. */
async function step({ call }: TestApp, { random, month }: History): Promise<number> {
  const deal = `d${random(12)}`
  const day = `${months[month]}-${String(1 + random(28)).padStart(2, '0')}`
  const path = `/deals/${deal}`
  const amount = 1 + random(10_000)
  const body = {
    touch: {
      partner_id: `p${random(4)}`,
      deal_id: deal,
      touchpoint_type: pick(types, random),
      timestamp: `2024-01-${String(1 + random(28)).padStart(2, '0')}`,
    },
    close: { id: deal, amount, closed_date: day, attribution_model: pick(models, random) },
  }
  const actions: readonly (() => ReturnType<TestApp['call']>)[] = [
    () => call('POST', '/events', body.touch),
    () => call('POST', '/events', body.touch),
    () => call('POST', '/deals', body.close),
    () => call('PATCH', path, { amount }),
    () => call('PATCH', path, { closed_date: day }),
    () => call('PATCH', path, { amount, currency: pick(['USD', 'EUR', 'JPY', 'KWD'], random) }),
    () => call('PATCH', path, { commission_plan_id: pick(['ten', 'held', 'full'], random) }),
    () => call('POST', `${path}/refunds`, { amount: 1 + random(5000), refunded_on: day }),
    () => call('POST', `${path}/void`, { reason: 'x' }),
    () => call('POST', `${path}/reinstate`, { reason: 'x' }),
  ]
  return (await pick(actions, random)()).statusCode
}

t.test('random histories of two instances with locks keep what must hold for the ledger', async (t) => {
  const service = await createApp(t)
  const other = await createApp(t, { url: service.url })
  for (const n of [0, 1, 2, 3]) await givenPartner(service, `p${n}`)
  await givenPlan(service, 'ten', { rules: [{ rate: '10' }] })
  await givenPlan(service, 'held', {
    rules: [{ rate: '33.3333' }],
    hold_days: 30,
    effective_from: '2024-02-01',
  })
  const random = createRandom(17)
  const statuses = new Set<number>()

  for (let month = 0; month < months.length; month++) {
    for (let n = 0; n < 40; n++) {
      const both = [service, other].map((instance) => step(instance, { random, month }))
      for (const status of await Promise.all(both)) statuses.add(status)
    }
    if (month < months.length - 1) {
      const locks = [step(service, { random, month }), step(other, { random, month })]
      const locked = await service.call('POST', `/periods/${months[month]}/lock`, {})
      await Promise.all(locks)
      t.equal(locked.statusCode, 200)
      await runSteps(() => freezeNextMonth(service.db))
    }
    t.strictSame(
      (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
      [],
      months[month] as string,
    )
  }

  t.notOk([...statuses].some((status) => status >= 500))
  const { rows } = await sql<{ moves: number; adjusted: number; reversed: number; statements: number }>`
    select count(*)::int as moves, count(*) filter (where kind = 'adjusted')::int as adjusted,
      count(*) filter (where debit = 'payable')::int as reversed,
      (select count(*)::int from statements) as statements from ledger_moves`.execute(service.db)
  t.comment(JSON.stringify(rows[0]))
  t.ok(rows.every(({ adjusted, reversed, statements }) => adjusted > 50 && reversed > 50 && statements > 20))
})
