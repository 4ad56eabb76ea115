import t from 'tap'
import type { PartnerChange } from '../../src/partners/schemas.ts'
import type { Attribution } from '../../src/splits/schemas.ts'
import { createCalendar } from '../../src/values/calendar.ts'
import { createApp, type TestApp } from '../support/app.ts'
import { givenChange, givenPartner } from '../support/fixtures.ts'
import { createRandom, type Random } from '../support/random.ts'

const timeZone = 'Australia/Sydney'
const { dateOf } = createCalendar(timeZone)
const start = Date.UTC(2024, 2, 1)
const hour = 3_600_000
const partnerIds = ['p0', 'p1', 'p2', 'p3']

interface Happening {
  readonly at: number
  readonly change?: { readonly partner_id: string } & Required<
    Pick<PartnerChange, 'status' | 'credit_after_leaving'>
  >
  readonly event?: { readonly id: string; readonly partner_id: string; readonly deal_id: string }
  readonly deal?: string
}

/** Changes of partners, touchpoints and closes of a month, each with its instant. */
function givenHappenings(random: Random): Happening[] {
  const at = () => start + random(30 * 24) * hour
  const partner_id = () => partnerIds[random(partnerIds.length)] as string
  return [
    ...Array.from({ length: 100 }, () => ({
      // Never at the instant of a touchpoint or a close.
      at: at() + hour / 2,
      change: {
        partner_id: partner_id(),
        status: random(2) === 0 ? ('active' as const) : ('inactive' as const),
        credit_after_leaving: random(4) === 0,
      },
    })),
    ...Array.from({ length: 200 }, (_, n) => ({
      // Most are known before the deals close, so that nothing but a change of a partner splits those again.
      at: start + random(12 * 24) * hour,
      event: { id: `e${n}`, partner_id: partner_id(), deal_id: `d${random(50)}` },
    })),
    ...Array.from({ length: 50 }, (_, n) => ({ at: at(), deal: `d${n}` })),
  ]
}

/**
 * Sends everything in the order in which it becomes known. Partners change when they change. Touchpoints and closes may be
 * known later, and closes up to a day ahead.
 */
async function send(service: TestApp, happenings: readonly Happening[], random: Random) {
  const known = happenings.map((one) => ({ ...one, by: one.at + (one.change ? 0 : delayOf(one, random)) }))
  known.sort((a, b) => a.by - b.by)
  const refused: string[] = []
  for (const { at, change, event, deal } of known) {
    const timestamp = new Date(at).toISOString()
    if (change !== undefined) {
      const { partner_id, ...terms } = change
      await givenChange(service, partner_id, timestamp, terms)
    } else if (deal !== undefined) {
      const body = { id: deal, amount: 100, closed_date: timestamp, attribution_model: 'equal' }
      t.equal((await service.call('POST', '/deals', body)).statusCode, 201)
    } else if (event !== undefined) {
      const body = { ...event, touchpoint_type: 'demo', timestamp }
      if ((await service.call('POST', '/events', body)).statusCode === 409) refused.push(event.id)
    }
  }
  return refused.sort()
}

function delayOf({ deal }: Happening, random: Random): number {
  if (deal !== undefined && random(2) === 0) return -random(24) * hour
  return random(4) > 0 ? 0 : random(20 * 24) * hour
}

/** The partners that each deal credits, and the refused touchpoints, computed from the happenings alone. */
function expect(happenings: readonly Happening[]) {
  const changes = happenings.filter(({ change }) => change !== undefined).toSorted((a, b) => a.at - b.at)
  const termsOf = (id: string, counts: (at: number) => boolean) =>
    changes.findLast(({ at, change }) => change?.partner_id === id && counts(at))?.change
  const refused = happenings.flatMap(({ at, event }) => {
    const terms = event && termsOf(event.partner_id, (changedAt) => changedAt <= at)
    return event && terms?.status === 'inactive' ? [event.id] : []
  })
  const credited = happenings.flatMap(({ at, deal }) => {
    if (deal === undefined) return []
    const touched = happenings.flatMap((one) =>
      one.event?.deal_id === deal && one.at <= at + hour && !refused.includes(one.event.id)
        ? [one.event.partner_id]
        : [],
    )
    const hasCredit = (id: string) => {
      const terms = termsOf(id, (changedAt) => dateOf(changedAt) < dateOf(at))
      return terms?.status !== 'inactive' || terms.credit_after_leaving
    }
    return [[deal, [...new Set(touched)].filter(hasCredit).sort()] as const]
  })
  return { refused: refused.sort(), credited: Object.fromEntries(credited) }
}

t.test(
  'the order of arrival changes neither the credit of leaving partners nor the refused touchpoints',
  async (t) => {
    for (const seed of [1, 2, 3]) {
      const happenings = givenHappenings(createRandom(seed))
      const expected = expect(happenings)
      for (const order of [11, 12]) {
        const service = await createApp(t, { config: { TIME_ZONE: timeZone } })
        for (const id of partnerIds) await givenPartner(service, id)

        const refused = await send(service, happenings, createRandom(order))

        const credited: Record<string, string[]> = {}
        for (const deal of Object.keys(expected.credited)) {
          const split = (await service.call('GET', `/attribution/${deal}`)).json<Attribution>()
          const again = await service.call('POST', `/attribution/${deal}/recalculate`)
          t.equal(again.json<Attribution>().version, split.version)
          credited[deal] = split.attributions.map(({ partner_id }) => partner_id).sort()
        }
        t.strictSame({ refused, credited }, expected)
      }
    }
  },
)
