import { generalModels } from '../../../src/attribution/models.ts'
import { touchpointTypes } from '../../../src/attribution/touch.ts'
import { createRandom, shuffle } from '../random.ts'
import type { Send } from './instance-client.ts'

interface Arrivals {
  readonly events: readonly (object & { readonly deal_id: string })[]
  readonly deals: readonly { readonly id: string }[]
}

/** Events and closes to send; some events are after the close of their deal. */
export function givenArrivals(events: number, seed: number): Arrivals {
  const next = createRandom(seed)
  const deals = Math.ceil(events / 10)
  const start = Date.UTC(2025, 0, 1)
  const instant = (days: number) => new Date(start + next(days * 86_400) * 1000).toISOString()
  return {
    events: Array.from({ length: events }, (_, n) => ({
      id: `ordered-${n}`,
      deal_id: `ordered-${next(deals)}`,
      partner_id: `p${next(10)}`,
      touchpoint_type: touchpointTypes[next(touchpointTypes.length)],
      timestamp: instant(90),
    })),
    deals: Array.from({ length: deals }, (_, n) => ({
      id: `ordered-${n}`,
      amount: (1 + next(10_000_000)) / 100,
      closed_date: instant(90),
      attribution_model: generalModels[n % generalModels.length],
    })),
  }
}

/** Sends everything in a random order and random batches, and returns the splits without version and time. */
export async function sendShuffled(send: Send, { events, deals }: Arrivals, seed: number): Promise<string> {
  const next = createRandom(seed)
  const closes = shuffle(deals, next)
  const arriving = shuffle(events, next)
  while (arriving.length > 0 || closes.length > 0) {
    const batch = arriving.splice(0, 1 + next(80))
    const closing = closes.splice(0, next(12))
    if (batch.length === 1) await expect(send('POST', '/events', batch[0]))
    else if (batch.length > 0) await expect(send('POST', '/events/batch', { events: batch }))
    for (const deal of closing) await expect(send('POST', '/deals', deal))
  }
  const splits: string[] = []
  for (const { id } of deals) {
    const { version: _, calculated_at: __, ...split } = (await expect(send('GET', `/attribution/${id}`))).body
    splits.push(JSON.stringify(split))
  }
  return splits.join('\n')
}

async function expect(reply: ReturnType<Send>): ReturnType<Send> {
  const { status, body } = await reply
  if (status > 299) throw new Error(`Answered ${status}: ${JSON.stringify(body)}`)
  return { status, body }
}
