import { isDeepStrictEqual } from 'node:util'
import { type Kysely, sql } from 'kysely'
import t from 'tap'
import type { ExplainedAttribution } from '../../src/splits/explanation-schemas.ts'
import type { Database } from '../../src/database/tables.ts'
import { createApp } from '../support/app.ts'
import { correct, listFaults } from '../support/corrections.ts'
import { createRandom } from '../support/random.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'

async function readClock(db: Kysely<Database>): Promise<string> {
  const { rows } = await sql<{ now: string }>`
    select date_trunc('milliseconds', clock_timestamp()) as now`.execute(db)
  return rows[0]?.now as string
}

/** An instant of the database: everything stored so far is not later, and everything stored from now on is later. */
async function takeInstant(db: Kysely<Database>): Promise<string> {
  const instant = await readClock(db)
  while ((await readClock(db)) === instant);
  return instant
}

t.test('an explanation as_of an instant is the one that was given then', async (t) => {
  const service = await createApp(t)
  const { call, db } = service
  await givenPartner(service, 'p1')
  await givenPartner(service, 'p2')
  const touch = (id: string, timestamp: string) =>
    givenEvent(service, { id, partner_id: id.slice(0, 2), deal_id: 'd1', timestamp })
  const voidEvent = (id: string) => call('POST', `/events/${id}/void`, { reason: 'mistaken' })
  const explain = async (asOf: string) =>
    (await call('GET', `/attribution/d1?explain=true${asOf}`)).json<ExplainedAttribution>()
  await touch('p1-a', '2024-01-10T00:00:00Z')
  await touch('p2-too-old', '2023-01-01T00:00:00Z')
  const steps: readonly (() => Promise<unknown>)[] = [
    () =>
      givenDeal(service, {
        id: 'd1',
        closed_date: '2024-01-20T09:00:00Z',
        model_parameters: { lookback_days: 90 },
      }),
    () => touch('p2-late', '2024-01-21T00:00:00Z'),
    () => touch('p1-later', '2024-01-22T00:00:00Z'),
    () => voidEvent('p1-later'),
    () => voidEvent('p2-too-old'),
    () => touch('p2-b', '2024-01-11T00:00:00Z'),
    () => voidEvent('p1-a'),
    () => call('PATCH', '/deals/d1', { closed_date: '2024-02-20T09:00:00Z' }),
    () => voidEvent('p2-late'),
    () => call('POST', '/deals/d1/void', { reason: 'canceled' }),
    () => touch('p1-after-void', '2024-01-12T00:00:00Z'),
    () => voidEvent('p2-b'),
  ]

  const given: (readonly [asOf: string, explained: ExplainedAttribution])[] = []
  for (const step of steps) {
    await step()
    const explained = await explain('')
    given.push([await takeInstant(db), explained])
  }

  for (const [asOf, explained] of given) t.strictSame(await explain(`&as_of=${asOf}`), explained)
  t.strictSame(
    given.map(([, { version }]) => version),
    [1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6],
  )
  t.strictSame(
    given.at(-1)?.[1].explanation?.excluded.map(({ event_id, reason }) => `${event_id} ${reason}`),
    [
      'p2-too-old voided',
      'p1-a voided',
      'p2-b voided',
      'p1-after-void deal_voided',
      'p2-late voided',
      'p1-later voided',
    ],
  )
})

t.test('an explanation as_of an instant is the one given then, through random corrections', async (t) => {
  const service = await createApp(t)
  const { call, db } = service
  const partners = ['p1', 'p2', 'p3']
  for (const id of partners) await givenPartner(service, id)
  const types = ['demo', 'referral'] as const
  // With the lookback and the grace, the first and the last of them are outside the window.
  const timestamps = ['2023-01-01', '2024-01-10', '2024-01-19', '2024-02-10'].map(
    (day) => `${day}T00:00:00.000Z`,
  )
  const dealIds = ['d1', 'd2']
  const random = createRandom(Number(process.env['SEED'] ?? 1))
  const pick = <Item>(items: readonly Item[]) => items[random(items.length)] as Item
  const explain = async (dealId: string, asOf: string) =>
    (await call('GET', `/attribution/${dealId}?explain=true${asOf}`)).json<ExplainedAttribution>()
  const post = (path: string) => call('POST', path, { reason: 'because' })
  const steps: readonly (() => Promise<unknown>)[] = [
    () => correct(service, { id: `e${random(6)}`, change: { partner_id: pick(partners) } }),
    () => correct(service, { id: `e${random(6)}`, change: { timestamp: pick(timestamps) } }),
    () => correct(service, { id: `e${random(6)}`, change: { deal_id: pick(dealIds) } }),
    () =>
      correct(service, {
        id: `e${random(6)}`,
        change: { deal_id: pick(dealIds), timestamp: pick(timestamps), touchpoint_type: pick(types) },
      }),
    () => post(`/events/e${random(6)}/void`),
    () => post(`/events/e${random(6)}/reinstate`),
    () => post(`/events/e${random(6)}/reinstate`),
    () =>
      givenEvent(service, {
        id: `e${random(6)}`,
        partner_id: 'p1',
        deal_id: 'd1',
        timestamp: pick(timestamps),
      }),
    () => post(`/deals/${pick(dealIds)}/void`),
    () => post(`/deals/${pick(dealIds)}/reinstate`),
    () => post(`/deals/${pick(dealIds)}/reinstate`),
    () =>
      call('PATCH', `/deals/${pick(dealIds)}`, {
        closed_date: pick(['2024-01-20T09:00:00Z', '2024-02-20T09:00:00Z']),
      }),
  ]
  for (const id of dealIds)
    await givenDeal(service, {
      id,
      closed_date: '2024-01-20T09:00:00Z',
      model_parameters: { lookback_days: 90 },
    })

  const given: (readonly [dealId: string, asOf: string, explained: ExplainedAttribution])[] = []
  for (let n = 0; n < Number(process.env['STEPS'] ?? 300); n++) {
    await pick(steps)()
    const [first, second] = [await explain('d1', ''), await explain('d2', '')]
    const instant = await takeInstant(db)
    given.push(['d1', instant, first], ['d2', instant, second])
  }

  // One millisecond before a version, the explanation is the one given before it: its touchpoints were written, uncommitted.
  for (const [index, [dealId, , explained]] of [...given.entries()].slice(2)) {
    const [, , before] = given[index - 2] as (typeof given)[number]
    if (before.version === explained.version) continue
    given.push([dealId, new Date(Date.parse(explained.calculated_at) - 1).toISOString(), before])
  }
  const wrong: unknown[] = []
  for (const [dealId, asOf, explained] of given) {
    const past = await explain(dealId, `&as_of=${asOf}`)
    if (!isDeepStrictEqual(past, explained)) wrong.push({ asOf, past, explained })
  }
  t.strictSame(wrong.slice(0, 1), [])
  t.strictSame(await listFaults(service), [])
  t.ok(new Set(given.map(([dealId, , { version }]) => `${dealId} ${version}`)).size > 50)
})
