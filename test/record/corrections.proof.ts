import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import t from 'tap'
import { modelNames } from '../../src/attribution/models.ts'
import { touchpointTypes } from '../../src/attribution/touch.ts'
import { mergeNextDeal } from '../../src/jobs/merge-partners.ts'
import { createRecord } from '../../src/record/record.ts'
import type { Attribution } from '../../src/splits/schemas.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { correct, listFaults } from '../support/corrections.ts'
import {
  createModel,
  type Model,
  type ModelDeal,
  type ModelSplit,
} from '../support/proofs/correction-model.ts'
import { createRandom } from '../support/random.ts'

const steps = Number(process.env['STEPS'] ?? 1000)
const seed = Number(process.env['SEED'] ?? 1)
const stepsOfRound = 100
// The months of the rounds end before today.
const roundsOfDatabase = 500
const calendar = createCalendar('UTC')
const merging = { calendar, record: createRecord({ calendar }), confirmTimeZone: async () => {} }
const random = createRandom(seed)
const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
const currencies = ['USD', 'EUR', 'JPY'] as const

t.test(`${steps} random changes give what a model beside the service says`, async (t) => {
  let versions = 0
  for (let first = 0; first * stepsOfRound < steps; first += roundsOfDatabase) {
    const service = await createApp(t)
    const rounds = Math.min(roundsOfDatabase, Math.ceil(steps / stepsOfRound) - first)
    for (let round = 0; round < rounds; round++) versions += await runRound(t, service, round)
    t.strictSame(await listFaults(service), [])
  }
  t.comment(`${steps} steps with seed ${seed} made ${versions} versions`)
})

type Tap = Parameters<typeof createApp>[0]
interface Remembered {
  readonly dealId: string
  readonly asOf: string
  readonly split: ModelSplit | undefined
}

/** Each round has partners and deals of its own, whose closes and touchpoints are in a month of its own. */
async function runRound(t: Tap, service: TestApp, round: number): Promise<number> {
  const { call, db } = service
  const month = new Date(Date.UTC(1980, round)).toISOString().slice(0, 7)
  const idsOf = (kind: string, count: number) =>
    Array.from({ length: count }, (_, n) => `${kind}${round}-${n}`)
  const [partnerIds, dealIds, eventIds] = [idsOf('p', 5), idsOf('d', 3), idsOf('e', 12)]
  for (const id of partnerIds) await call('POST', '/partners', { id, name: id })
  const model = createModel()
  const remembered: Remembered[] = []
  for (let step = 0; step < stepsOfRound; step++) {
    await takeStep(service, { model, month, partnerIds, dealIds, eventIds })
    for (const dealId of dealIds) {
      const split = model.versionsOf(dealId).at(-1)
      if (!isDeepStrictEqual(await readSplit(service, dealId), split)) {
        t.strictSame(await readSplit(service, dealId), split, `round ${round}, step ${step}, ${dealId}`)
        throw new Error('The service and the model differ.')
      }
      if (random(10) === 0) remembered.push({ dealId, asOf: await takeInstant(db), split })
    }
  }
  let versions = 0
  for (const dealId of dealIds) {
    const history = model.versionsOf(dealId)
    versions += history.length
    if (history.length > 0) t.strictSame(await readHistory(service, dealId), history, `history of ${dealId}`)
  }
  for (const { dealId, asOf, split } of remembered)
    t.strictSame(await readSplit(service, dealId, asOf), split, `${dealId} as of ${asOf}`)
  await compareReports(t, service, { model, month, partnerIds, dealIds })
  return versions
}

interface Scene {
  readonly model: Model
  readonly month: string
  readonly partnerIds: readonly string[]
  readonly dealIds: readonly string[]
  readonly eventIds: readonly string[]
}

/** Sends one random change, and tells the model if the service should take it. */
async function takeStep(service: TestApp, scene: Scene): Promise<void> {
  const { call } = service
  const { model, month, partnerIds, dealIds, eventIds } = scene
  const [eventId, dealId, partner_id] = [pick(eventIds), pick(dealIds), pick(partnerIds)]
  const event = model.events.get(eventId)
  const deal = model.deals.get(dealId)
  const timestamp = `${month}-${String(1 + random(28)).padStart(2, '0')}T12:00:00.000Z`
  const touchpoint_type = pick(touchpointTypes)
  const reason = 'because'
  switch (
    pick([
      'event',
      'event',
      'correct',
      'correct',
      'correct',
      'void',
      'void',
      'close',
      'amend',
      'amend',
      'deal',
      'merge',
    ])
  ) {
    case 'event': {
      const sent = { id: eventId, partner_id, deal_id: dealId, touchpoint_type, timestamp }
      await call('POST', '/events', sent)
      if (event === undefined) model.setEvent({ ...sent, is_void: false })
      return
    }
    case 'correct': {
      const all = { partner_id, deal_id: dealId, touchpoint_type, timestamp }
      const change = Object.fromEntries(Object.entries(all).filter(() => random(2) === 0))
      await correct(service, { id: eventId, change })
      if (event !== undefined && !event.is_void) model.setEvent({ ...event, ...change })
      return
    }
    case 'void': {
      const is_void = random(2) === 0
      await call('POST', `/events/${eventId}/${is_void ? 'void' : 'reinstate'}`, { reason })
      if (event !== undefined) model.setEvent({ ...event, is_void })
      return
    }
    case 'close': {
      const terms = termsIn(scene)
      await call('POST', '/deals', { id: dealId, ...sentOf(terms, { lookback_days: 10 }) })
      if (deal === undefined) model.setDeal({ id: dealId, ...terms, is_void: false })
      return
    }
    case 'amend': {
      const { shares, attribution_model, ...rest } = termsIn(scene)
      const { amount, currency, closed_date } = rest
      const terms = pick([{ amount }, { amount, currency }, { closed_date }, { shares, attribution_model }])
      await call('PATCH', `/deals/${dealId}`, sentOf(terms))
      if (deal !== undefined && !deal.is_void) {
        const isFair =
          !('amount' in terms) || 'currency' in terms || deal.currency !== 'JPY' || Number.isInteger(amount)
        if (isFair) model.setDeal({ ...deal, ...terms })
      }
      return
    }
    case 'deal': {
      const is_void = random(2) === 0
      await call('POST', `/deals/${dealId}/${is_void ? 'void' : 'reinstate'}`, { reason })
      if (deal !== undefined) model.setDeal({ ...deal, is_void })
      return
    }
    default: {
      const into = pick(partnerIds)
      if (random(4) > 0 || into === partner_id || model.isMerged(into) || model.isMerged(partner_id)) return
      await call('POST', `/partners/${partner_id}/merge`, { into, reason })
      while (await mergeNextDeal(service.db, merging));
      model.merge(partner_id, into)
    }
  }
}

function termsIn({ month, partnerIds }: Scene): Omit<ModelDeal, 'id' | 'is_void'> {
  const currency = pick(currencies)
  const amount = currency === 'JPY' ? 1 + random(10_000) : (1 + random(1_000_000)) / 100
  const [first, second] = [pick(partnerIds), pick(partnerIds)]
  const shares = [{ partner_id: first, percentage: 1 + random(50) }]
  if (second !== first) shares.push({ partner_id: second, percentage: 1 + random(50) })
  const closed_date = `${month}-${15 + random(6)}T12:00:00.000Z`
  return { amount, currency, closed_date, attribution_model: pick(modelNames), shares }
}

function sentOf({ shares, ...terms }: Partial<ModelDeal>, window: object = {}) {
  const own = terms.attribution_model === 'agreed' ? { shares } : {}
  const model_parameters = { ...own, ...window }
  return Object.keys(model_parameters).length === 0 ? terms : { ...terms, model_parameters }
}

function toModelSplit({ currency, total_amount, unattributed, attributions }: Attribution): ModelSplit {
  return {
    currency,
    total_amount,
    unattributed,
    attributions: attributions.map(({ partner_id, percentage, payout, touchpoints, role }) => {
      return [partner_id, percentage, payout, touchpoints, role] as const
    }),
  }
}

async function readSplit({ call }: TestApp, dealId: string, asOf?: string) {
  const answer = await call('GET', `/attribution/${dealId}${asOf === undefined ? '' : `?as_of=${asOf}`}`)
  return answer.statusCode === 404 ? undefined : toModelSplit(answer.json<Attribution>())
}

async function readHistory({ call }: TestApp, dealId: string) {
  const answer = await call('GET', `/attribution/${dealId}/history?limit=1000`)
  return answer.json<{ versions: Attribution[] }>().versions.map(toModelSplit)
}

async function compareReports(t: Tap, { call }: TestApp, scene: Omit<Scene, 'eventIds'>): Promise<void> {
  const { model, month, partnerIds } = scene
  const period = `start_date=${month}-01&end_date=${month}-28`
  const valid = [...model.deals.values()].filter(({ is_void }) => !is_void)
  const touches = [...model.events.values()].filter(
    ({ is_void, deal_id }) => !is_void && model.deals.get(deal_id)?.is_void !== true,
  )
  for (const currency of currencies) {
    const splits = valid
      .filter((deal) => deal.currency === currency)
      .map(({ id }) => model.versionsOf(id).at(-1)!)
    const { overview, touchpoints } = (await call('GET', `/analytics?${period}&currency=${currency}`)).json<{
      overview: Record<string, number>
      touchpoints: { touchpoint_type: string; count: number }[]
    }>()
    t.match(overview, {
      total_deals: splits.length,
      total_revenue: sum(splits.map(({ total_amount }) => total_amount)),
      unattributed: sum(splits.map(({ unattributed }) => unattributed)),
    })
    for (const { touchpoint_type, count } of touchpoints)
      t.equal(count, touches.filter((one) => one.touchpoint_type === touchpoint_type).length, touchpoint_type)
    for (const id of partnerIds) {
      const own = splits.flatMap(({ attributions }) => attributions.filter(([partnerId]) => partnerId === id))
      const statement = await call('GET', `/partners/${id}/statement?month=${month}&currency=${currency}`)
      t.equal(
        // The plan is full, and the partner has deals of this month only.
        statement.json<{ closing: number }>().closing,
        sum(own.map(([, , payout]) => payout)),
        id,
      )
      const { stats } = (await call('GET', `/partners/${id}?currency=${currency}`)).json<{ stats: object }>()
      t.match(stats, { total_deals: own.length, total_payout: sum(own.map(([, , payout]) => payout)) })
    }
  }
}

function sum(amounts: readonly number[]): number {
  return Math.round(amounts.reduce((a, b) => a + b, 0) * 100) / 100
}

/** An instant of the database: all that is stored is not later, and all that comes is later. */
async function takeInstant(db: TestApp['db']): Promise<string> {
  const read = async () => {
    const { rows } = await sql<{ now: string }>`
      select date_trunc('milliseconds', clock_timestamp()) as now`.execute(db)
    return rows[0]?.now as string
  }
  const instant = await read()
  while ((await read()) === instant);
  return instant
}
