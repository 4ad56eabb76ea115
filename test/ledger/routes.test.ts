import { sql } from 'kysely'
import t from 'tap'
import { issueKey } from '../../src/api-keys/issue.ts'
import { createMerging } from '../../src/jobs/merge-partners.ts'
import type { Period } from '../../src/ledger/period-schemas.ts'
import { runSteps } from '../../src/jobs/run-steps.ts'
import { freezeNextMonth } from '../../src/ledger/freeze.ts'
import { verifyLedger } from '../../src/ledger/verify.ts'
import { createRecord } from '../../src/record/record.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'
import { createLedger, givenLateTouch, givenSplitDeal, readMoves } from './fixtures.ts'

t.test('locking a month locks every month before it, for ever', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  await givenSplitDeal(service, 'd2', { closed_date: '2024-03-02' })
  const lock = (month: string) => service.call('POST', `/periods/${month}/lock`, {})

  const locked = (await lock('2024-04')).json<{ period: Period }>()
  const again = (await lock('2024-02')).json<{ period: Period }>()
  await runSteps(() => freezeNextMonth(service.db))
  const list = (await service.call('GET', '/periods')).json<{ periods: readonly Period[] }>()

  t.match(locked.period, { month: '2024-04', is_locked: true, moves_count: 0, totals: [], frozen_at: null })
  t.match(again.period, { month: '2024-02', is_locked: true, locked_at: locked.period.locked_at })
  t.strictSame(
    list.periods.map(({ month, moves_count, frozen_at }) => [month, moves_count, frozen_at !== null]),
    [
      ['2024-04', 0, true],
      ['2024-03', 2, true],
      ['2024-02', 0, true],
      ['2024-01', 2, true],
    ],
  )
  const entries = await service.call('GET', '/audit?action=period.locked')
  t.equal(entries.json<{ entries: readonly unknown[] }>().entries.length, 4)
})

t.test('a period has the digest that a lock keeps, and a lock with another one is refused', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  const read = async () => (await service.call('GET', '/periods/2024-01')).json<Period>()
  const before = await read()
  await givenLateTouch(service, 'd1')
  const after = await read()
  const lock = (expected_digest: string) => service.call('POST', '/periods/2024-01/lock', { expected_digest })

  const refused = await lock(before.digest)
  const isOpen = !(await read()).is_locked
  const locked = await lock(after.digest)

  t.match(before, { moves_count: 2, totals: [{ currency: 'USD', amount: 6000 }], is_locked: false })
  t.match([refused.statusCode, refused.json()], [409, { code: 'period_changed' }])
  t.ok(isOpen)
  t.match(locked.json(), { period: { digest: after.digest, moves_count: 4 } })
  t.equal((await lock(before.digest)).statusCode, 409)
  t.equal((await lock(after.digest)).statusCode, 200)
})

t.test('a month is locked after its end, by an admin', async (t) => {
  const service = await createLedger(t)
  const month = service.calendar.dateOf(Date.now()).slice(0, 7)
  const { key } = await issueKey(service.db, { name: 'writer', scopes: ['write'] })

  const early = await service.call('POST', `/periods/${month}/lock`, {})
  const denied = await service.call('POST', '/periods/2024-01/lock', {}, { 'x-api-key': key })
  const invalid = await service.call('POST', '/periods/2024-01/lock', { expected_digest: 'x' })

  t.match([early.statusCode, early.json()], [409, { code: 'month_not_over' }])
  t.equal(denied.statusCode, 403)
  t.equal(invalid.statusCode, 400)
})

t.test('changes that run beside a lock are in the month before it or in the next one', async (t) => {
  const service = await createLedger(t)
  for (let n = 0; n < 8; n++) await givenSplitDeal(service, `d${n}`)
  const other = await createApp(t, { url: service.url })

  const changes = Array.from({ length: 8 }, (_, n) => givenLateTouch(n % 2 === 0 ? service : other, `d${n}`))
  const locks = [service, other].map(({ call }) => call('POST', '/periods/2024-01/lock', {}))
  await Promise.all([...changes, ...locks])
  await runSteps(() => freezeNextMonth(service.db))

  const periods = (await Promise.all(changes.map((_, n) => readMoves(service, `d${n}`)))).flat()
  t.equal(periods.length, 32)
  const { rows } = await sql`
    select from ledger_moves, periods where period = month and posted_at > locked_at`.execute(service.db)
  t.equal(rows.length, 0)
  t.strictSame(
    (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
    [],
  )
})

t.test('a balance is pending until the hold of the plan has passed', async (t) => {
  const service = await createLedger(t)
  const today = service.calendar.dateOf(Date.now())
  await givenSplitDeal(service, 'd1')
  await givenSplitDeal(service, 'd2', { closed_date: today, closed_all_day: true })
  const read = async (id: string) => (await service.call('GET', `/partners/${id}/balance`)).json<object>()

  t.strictSame(await read('p1'), {
    partner_id: 'p1',
    balances: [{ currency: 'USD', payable: 9600, pending: 4800, available: 4800 }],
  })
  t.equal((await service.call('GET', '/partners/nobody/balance')).statusCode, 404)
})

t.test(
  'a month is not locked while a merge of partners runs, and what was owed is owed to the other',
  async (t) => {
    const service = await createLedger(t)
    await givenSplitDeal(service, 'd1')
    await givenPartner(service, 'p3')
    await service.call('POST', '/partners/p1/merge', { into: 'p3', reason: 'bought' })
    const lock = () => service.call('POST', '/periods/2024-01/lock', {})

    const refused = await lock()
    await createMerging(service.db, {
      calendar: service.calendar,
      record: createRecord({ calendar: service.calendar }),
      confirmTimeZone: async () => {},
    })()
    const locked = await lock()
    await runSteps(() => freezeNextMonth(service.db))

    t.match([refused.statusCode, refused.json()], [409, { code: 'merge_running' }])
    t.equal(locked.statusCode, 200)
    const balanceOf = async (id: string) =>
      (await service.call('GET', `/partners/${id}/balance`)).json<{
        balances: readonly { payable: number }[]
      }>().balances[0]?.payable
    t.strictSame([await balanceOf('p1'), await balanceOf('p3'), await balanceOf('p2')], [0, 4800, 1200])
    t.strictSame(
      (await verifyLedger(service.db)).filter(({ wrong }) => wrong > 0),
      [],
    )
  },
)
