import t from 'tap'
import { lockDeals } from '../../src/database/locks.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'

const connections = 10
const waiting = 100 * connections

t.test(
  'POST /events answers 503 at once when the queue is full, and GET /health still answers',
  async (t) => {
    const service = await createApp(t)
    await givenPartner(service, 'p1')
    const event = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }
    const excess = 200
    const refusals = Promise.withResolvers<void>()
    const early: [number, unknown][] = []

    const crowd = await service.db.transaction().execute(async (trx) => {
      await lockDeals(trx, ['d1'])
      const answers = Array.from({ length: connections - 1 + waiting + excess }, async (_, n) => {
        const { statusCode, headers } = await service.call('POST', '/events', event, {
          'idempotency-key': `k${n}`,
        })
        early.push([statusCode, headers['retry-after']])
        if (early.length === excess) refusals.resolve()
      })
      await refusals.promise
      const alive = await service.call('GET', '/health')
      t.equal(alive.statusCode, 200)
      return answers
    })

    t.strictSame(
      early.slice(0, excess),
      Array.from({ length: excess }, () => [503, '1']),
    )
    await Promise.all(crowd)
    const afterwards = await service.call('POST', '/events', event)
    t.equal(afterwards.statusCode, 201)
  },
)
