import type { Call, Observation } from './linearizability.ts'
import { createRandom, shuffle } from '../random.ts'
import { forEachOf, repeat } from '../concurrency.ts'
import type { Reply, Send } from './instance-client.ts'

interface Split {
  readonly total_amount: number
  readonly version: number
  readonly attributions: readonly { readonly partner_id: string; readonly touchpoints: number }[]
}

interface Planned {
  readonly action: Readonly<Record<string, unknown>> & { readonly kind: string }
  readonly request: Parameters<Send>
}

/** Changes deals from many clients at once and records the calls on each deal, with their times and results. */
export async function recordHistories(
  instances: readonly Send[],
  {
    deals,
    atOnce = 4,
    seed = 1,
  }: { readonly deals: number; readonly atOnce?: number; readonly seed?: number },
): Promise<readonly (readonly Call[])[]> {
  const next = createRandom(seed)
  const histories: Call[][] = []
  await repeat(deals, atOnce, async (n) => {
    const calls: Call[] = []
    histories.push(calls)
    const actions = shuffle(actionsOf(`logged-${n}`, next), next)
    // Four clients a deal, each with one call at a time.
    await forEachOf(actions, 4, async ({ action, request }) => {
      const send = instances[next(instances.length)] as Send
      const invokedAt = performance.now()
      const reply = await send(...request)
      calls.push({
        ...action,
        invokedAt,
        returnedAt: performance.now(),
        observed: observationOf(reply, action.kind),
      } as Call)
    })
  })
  return histories
}

function actionsOf(id: string, next: (below: number) => number): readonly Planned[] {
  const touch = { deal_id: id, touchpoint_type: 'demo', timestamp: '2025-01-01T00:00:00Z' }
  const amount = 10 + next(90)
  const amended = 100 + next(900)
  const event = (partner: number): Planned => ({
    action: { kind: 'event', partner },
    request: ['POST', '/events', { ...touch, partner_id: `p${partner}` }],
  })
  const read: Planned = { action: { kind: 'read' }, request: ['GET', `/attribution/${id}`] }
  return [
    event(0),
    event(1),
    event(2),
    event(3),
    {
      action: { kind: 'close', amount },
      request: ['POST', '/deals', { id, amount, attribution_model: 'linear' }],
    },
    {
      action: { kind: 'amend', amount: amended },
      request: ['PATCH', `/deals/${id}`, { amount: amended }],
    },
    { action: { kind: 'recalculate' }, request: ['POST', `/attribution/${id}/recalculate`] },
    read,
    read,
    read,
    read,
  ]
}

function observationOf({ status, body }: Reply, kind: string): Observation | undefined {
  if (status === 404) return undefined
  if (status > 299) throw new Error(`${kind} was answered ${status}: ${JSON.stringify(body)}`)
  if (kind === 'event') return undefined
  const split = (body['attribution'] ?? body) as Split
  const partners = split.attributions.reduce(
    (set, { partner_id }) => set | (1 << Number(partner_id.slice(1))),
    0,
  )
  return { amount: split.total_amount, partners, version: split.version }
}
