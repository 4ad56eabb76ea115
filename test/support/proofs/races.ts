import { createDice } from '../dice.ts'
import { forEachOf, insist, type Reply, type Send } from './send.ts'

/** What 8 or 25 clients at once were answered. */
interface Answers {
  readonly statuses: Readonly<Record<number, number>>
  readonly bodies: number
  readonly codes: readonly string[]
}

/** Sends each of many keys with one body, so many times at once; one summary a key. */
export async function sendKeysTogether(
  instances: readonly Send[],
  { keys, copies, atOnce = 4 }: { readonly keys: number; readonly copies: number; readonly atOnce?: number },
): Promise<Answers[]> {
  const summaries: Answers[] = []
  await forEachOf(Array(keys).keys(), atOnce, async (n) => {
    const event = { partner_id: 'p0', deal_id: `keyed-${n}`, touchpoint_type: 'demo' }
    const headers = { 'idempotency-key': `key-${n}` }
    const replies = Array.from({ length: copies }, (_, copy) =>
      instanceOf(instances, copy)('POST', '/events', event, headers),
    )
    summaries.push(summarise(await Promise.all(replies)))
  })
  return summaries
}

/** Closes deals while events on them arrive and they are amended and split again, through all instances. */
export async function closeWhileTouched(
  instances: readonly Send[],
  deals: number,
  seed = 1,
): Promise<Reply[]> {
  const next = createDice(seed)
  const odd: Reply[] = []
  await forEachOf(Array(deals).keys(), 8, async (n) => {
    const id = `raced-${n}`
    const any = insist((...request) => instanceOf(instances, next(instances.length))(...request))
    const touch = (partner: number) =>
      any('POST', '/events', {
        id: `${id}-${partner}`,
        partner_id: `p${partner}`,
        deal_id: id,
        touchpoint_type: 'demo',
      })
    const replies = await Promise.all([
      touch(1),
      any('POST', '/deals', { id, amount: 100, attribution_model: 'linear' }),
      touch(2),
      any('POST', `/attribution/${id}/recalculate`),
      touch(3),
      any('PATCH', `/deals/${id}`, { amount: 90 + next(20) }),
      any('POST', `/attribution/${id}/recalculate`),
    ])
    // What comes before its deal does not find it, which is no fault.
    odd.push(...replies.filter(({ status }) => ![200, 201, 404].includes(status)))
  })
  return odd
}

/** Eight clients close one deal at once: all with the same content, or each with its own. */
export async function closeTogether(
  instances: readonly Send[],
  id: string,
  isSame: boolean,
): Promise<Answers> {
  const replies = Array.from({ length: 8 }, (_, n) =>
    instanceOf(instances, n)('POST', '/deals', {
      id,
      amount: isSame ? 10 : 10 + n,
      attribution_model: 'equal',
    }),
  )
  return summarise(await Promise.all(replies))
}

function instanceOf(instances: readonly Send[], n: number): Send {
  return instances[n % instances.length] as Send
}

function summarise(replies: readonly Reply[]): Answers {
  const byStatus = Object.groupBy(replies, ({ status }) => status)
  const successes = replies.filter(({ status }) => status < 300)
  return {
    statuses: Object.fromEntries(Object.entries(byStatus).map(([status, all = []]) => [status, all.length])),
    bodies: new Set(successes.map(({ body }) => JSON.stringify(body))).size,
    codes: [...new Set(replies.filter(({ status }) => status > 299).map(({ body }) => String(body['code'])))],
  }
}

/** Fills deals whose last touchpoints many clients send at once, one by one and in batches; what was stored by each answer. */
export async function fillTogether(
  instances: readonly Send[],
  deals: readonly string[],
  each: number,
): Promise<{ readonly stored: number; readonly odd: readonly Reply[] }> {
  let stored = 0
  const odd: Reply[] = []
  await forEachOf(deals, 4, async (deal_id) => {
    const event = { partner_id: 'q0', deal_id, touchpoint_type: 'demo' }
    const replies = await Promise.all(
      Array.from({ length: each }, async (_, n) => {
        const send = insist(instanceOf(instances, n))
        if (n % 5 > 0) return { count: 1, reply: await send('POST', '/events', event) }
        return { count: 3, reply: await send('POST', '/events/batch', { events: [event, event, event] }) }
      }),
    )
    for (const { count, reply } of replies) {
      if (reply.status === 201) stored += count
      else if (reply.status !== 409 || !JSON.stringify(reply.body).includes('deal_full')) odd.push(reply)
    }
  })
  return { stored, odd }
}
