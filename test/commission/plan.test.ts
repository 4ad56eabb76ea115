import t from 'tap'
import { fitsEarner, listRulesFor, type Conditions, type SplitDeal } from '../../src/commission/plan.ts'
import { givenDeal, givenEarner, givenPlan, givenRate } from './fixtures.ts'

function fitsDeal(when: Conditions, deal: Partial<SplitDeal> = {}): boolean {
  return listRulesFor(givenDeal({ a: 100_000n }, deal), givenPlan(givenRate(10, when))).length === 1
}

const tenThousandths = (units: number) => BigInt(units * 10_000)

t.test('a rule fits the currencies and models that it names', async (t) => {
  t.equal(fitsDeal({}), true)
  t.equal(fitsDeal({ currencies: new Set(['EUR', 'USD']) }), true)
  t.equal(fitsDeal({ currencies: new Set(['EUR']) }), false)
  t.equal(fitsDeal({ models: new Set(['role-based']) }), true)
  t.equal(fitsDeal({ models: new Set(['equal', 'linear']) }), false)
})

t.test('a rule fits amounts from its lower to below its upper bound, before refunds', async (t) => {
  t.equal(fitsDeal({ amount_at_least: tenThousandths(1000) }), true)
  t.equal(fitsDeal({ amount_at_least: tenThousandths(1000.0001) }), false)
  t.equal(fitsDeal({ amount_below: tenThousandths(1000) }), false)
  t.equal(fitsDeal({ amount_below: tenThousandths(1000.0001) }), true)
  t.equal(fitsDeal({ amount_at_least: tenThousandths(1000) }, { net_minor: 1n }), true)
  t.equal(
    fitsDeal({ amount_at_least: tenThousandths(1000) }, { currency: 'KWD', minor_per_unit: 1000n }),
    false,
  )
})

t.test('a rule whose flat amount or cap is of another currency than the deal does not fit', async (t) => {
  const dollars = { amount_minor: 100n, currency: 'USD' }
  const euros = { amount_minor: 100n, currency: 'EUR' }
  const plan = givenPlan(
    { when: {}, flat: euros },
    { when: {}, flat: dollars, cap: euros },
    { ...givenRate(10), cap: euros },
    { when: {}, flat: dollars, cap: dollars },
  )

  const places = listRulesFor(givenDeal({ a: 100n }), plan).map(({ place }) => place)

  t.strictSame(places, [3])
})

t.test('a rule fits a partner if all its conditions on the partner hold', async (t) => {
  const earner = givenEarner('a', 100n, { group: 'gold', touchpoint_types: ['closer', 'demo'] })
  const fits = (when: Conditions) => fitsEarner(givenRate(10, when), earner)
  const [a, gold, demo] = [new Set(['a', 'b']), new Set(['gold']), new Set(['demo', 'intro'])]

  t.equal(fits({}), true)
  t.equal(fits({ partner_ids: a, groups: gold, touchpoint_types: demo }), true)
  t.equal(fits({ partner_ids: new Set(['b']), groups: gold }), false)
  t.equal(fits({ partner_ids: a, groups: new Set(['silver']) }), false)
  t.equal(fits({ touchpoint_types: new Set(['intro']) }), false)
  t.equal(fitsEarner(givenRate(10, { groups: gold }), { ...earner, group: null }), false)
  t.equal(fitsEarner(givenRate(10, { touchpoint_types: demo }), { ...earner, touchpoint_types: [] }), false)
})
