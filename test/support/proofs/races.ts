import { createRandom } from '../random.ts'
import { forEachOf, repeat } from '../concurrency.ts'
import { retryWhileBusy, type Reply, type Send } from './instance-client.ts'

/** A summary of the answers to clients that send at once. */
interface Answers {
  readonly statuses: Readonly<Record<number, number>>
  readonly bodies: number
  readonly codes: readonly string[]
}

/** Sends a request with each Idempotency-Key `copies` times at once. Returns one summary a key. */
export async function sendKeysTogether(
  instances: readonly Send[],
  { keys, copies, atOnce = 4 }: { readonly keys: number; readonly copies: number; readonly atOnce?: number },
): Promise<Answers[]> {
  const summaries: Answers[] = []
  await repeat(keys, atOnce, async (n) => {
    const event = { partner_id: 'p0', deal_id: `keyed-${n}`, touchpoint_type: 'demo' }
    const headers = { 'idempotency-key': `key-${n}` }
    const replies = Array.from({ length: copies }, (_, copy) =>
      instanceOf(instances, copy)('POST', '/events', event, headers),
    )
    summaries.push(summarise(await Promise.all(replies)))
  })
  return summaries
}

/** Closes, amends and recalculates deals while events on them arrive, through all instances. Returns wrong answers. */
export async function closeWhileTouched(
  instances: readonly Send[],
  deals: number,
  seed = 1,
): Promise<Reply[]> {
  const next = createRandom(seed)
  const unexpected: Reply[] = []
  await repeat(deals, 8, async (n) => {
    const id = `raced-${n}`
    const any = retryWhileBusy((...request) => instanceOf(instances, next(instances.length))(...request))
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
    // A request that arrives before its deal correctly gets a 404.
    unexpected.push(...replies.filter(({ status }) => ![200, 201, 404].includes(status)))
  })
  return unexpected
}

/** Eight clients close one deal at once, all with the same body or each with another. */
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

/** Many clients fill deals at once, with events and batches. Returns the number of events that were answered 201. */
export async function fillTogether(
  instances: readonly Send[],
  deals: readonly string[],
  each: number,
): Promise<{ readonly stored: number; readonly unexpected: readonly Reply[] }> {
  let stored = 0
  const unexpected: Reply[] = []
  await forEachOf(deals, 4, async (deal_id) => {
    const event = { partner_id: 'q0', deal_id, touchpoint_type: 'demo' }
    const replies = await Promise.all(
      Array.from({ length: each }, async (_, n) => {
        const send = retryWhileBusy(instanceOf(instances, n))
        if (n % 5 > 0) return { count: 1, reply: await send('POST', '/events', event) }
        return { count: 3, reply: await send('POST', '/events/batch', { events: [event, event, event] }) }
      }),
    )
    for (const { count, reply } of replies) {
      if (reply.status === 201) stored += count
      else if (reply.status !== 409 || !JSON.stringify(reply.body).includes('deal_full'))
        unexpected.push(reply)
    }
  })
  return { stored, unexpected }
}
