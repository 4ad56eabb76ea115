import { type Call, type Sight } from './linear.ts'
import { createDice, shuffle } from '../dice.ts'
import { forEachOf, type Reply, type Send } from './send.ts'

interface Split {
  readonly total_amount: number
  readonly version: number
  readonly attributions: readonly { readonly partner_id: string; readonly touchpoints: number }[]
}

interface Planned {
  readonly action: Readonly<Record<string, unknown>> & { readonly kind: string }
  readonly request: Parameters<Send>
}

/** Works on deals from many clients at once and logs, for each deal, what was called when and what came back. */
export async function recordHistories(
  instances: readonly Send[],
  {
    deals,
    atOnce = 4,
    seed = 1,
  }: { readonly deals: number; readonly atOnce?: number; readonly seed?: number },
): Promise<readonly (readonly Call[])[]> {
  const next = createDice(seed)
  const histories: Call[][] = []
  await forEachOf(Array(deals).keys(), atOnce, async (n) => {
    const calls: Call[] = []
    histories.push(calls)
    const actions = shuffle(actionsOf(`logged-${n}`, next), next)
    // Four clients to a deal, each doing one thing after the other.
    await forEachOf(actions, 4, async ({ action, request }) => {
      const send = instances[next(instances.length)] as Send
      const invokedAt = performance.now()
      const reply = await send(...request)
      calls.push({
        ...action,
        invokedAt,
        returnedAt: performance.now(),
        sight: sightOf(reply, action.kind),
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

function sightOf({ status, body }: Reply, kind: string): Sight | undefined {
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
