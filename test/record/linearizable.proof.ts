import t from 'tap'
import { recordHistories } from '../support/proofs/histories.ts'
import { createInstances } from '../support/proofs/instances.ts'
import { type Call, isLinearizable } from '../support/proofs/linearizability.ts'

const observed = { amount: 10, partners: 1, version: 1 }
const event: Call = { kind: 'event', partner: 0, invokedAt: 0, returnedAt: 1 }
const close: Call = { kind: 'close', amount: 10, observed, invokedAt: 2, returnedAt: 3 }

t.test('isLinearizable accepts possible histories and refuses stale reads', async (t) => {
  const before = { ...observed, partners: 0 }
  const late: Call = { ...event, invokedAt: 4, returnedAt: 6 }
  const first: Call = { ...close, observed: before }

  t.ok(isLinearizable([event, close, { kind: 'read', observed, invokedAt: 4, returnedAt: 5 }]))
  t.ok(isLinearizable([late, first, { kind: 'read', observed: before, invokedAt: 5, returnedAt: 7 }]))
  t.notOk(
    isLinearizable([late, first, { kind: 'read', observed: before, invokedAt: 7, returnedAt: 8 }]),
    'a stale read',
  )
  t.notOk(isLinearizable([event, close, { kind: 'read', invokedAt: 4, returnedAt: 5 }]), 'a lost deal')
  t.notOk(
    isLinearizable([late, first, { kind: 'read', observed, invokedAt: 7, returnedAt: 8 }]),
    'a split that changed under its version',
  )
})

t.test('the calls on a deal through three instances are linearizable', async (t) => {
  const { instances } = await createInstances(t, 3)

  const histories = await recordHistories(instances, { deals: 60 })

  t.equal(histories.length, 60)
  t.strictSame(
    histories.filter((calls) => !isLinearizable(calls)),
    [],
  )
})
