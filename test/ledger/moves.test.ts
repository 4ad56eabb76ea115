import { sql } from 'kysely'
import t from 'tap'
import { connectAsOwner } from '../support/database.ts'
import { createLedger, givenLateTouch, givenLock, givenPlan, givenSplitDeal, readMoves } from './fixtures.ts'

t.test('a close posts what the deal owes, in the month of the close', async (t) => {
  const service = await createLedger(t)

  await givenSplitDeal(service, 'd1')

  t.strictSame(await readMoves(service, 'd1'), [
    [1, 'p1', 'USD', 480_000, '2024-01', '2024-01-20', '2024-02-19'],
    [1, 'p2', 'USD', 120_000, '2024-01', '2024-01-20', '2024-02-19'],
  ])
})

t.test('a change posts what is owed less what was posted, in the first open month', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  await givenLock(service, '2024-01')

  await givenLateTouch(service, 'd1')
  await service.call('POST', '/deals/d1/void', { reason: 'never signed' })

  t.strictSame((await readMoves(service, 'd1')).slice(2), [
    [2, 'p1', 'USD', -56_471, '2024-02', '2024-01-20', '2024-02-19'],
    [2, 'p2', 'USD', 56_471, '2024-02', '2024-01-20', '2024-02-19'],
    [3, 'p1', 'USD', -423_529, '2024-02', '2024-01-20', '2024-02-19'],
    [3, 'p2', 'USD', -176_471, '2024-02', '2024-01-20', '2024-02-19'],
  ])
})

t.test('another day, currency or hold reverses what was posted, and posts what is owed anew', async (t) => {
  const service = await createLedger(t)
  await givenPlan(service, 'ten', { rules: [{ rate: '10' }] })
  await givenSplitDeal(service, 'd1')
  const change = async (body: object) => (await service.call('PATCH', '/deals/d1', body)).statusCode

  t.equal(await change({ closed_date: '2024-03-02T12:00:00Z' }), 200)
  t.equal(await change({ currency: 'EUR' }), 200)
  t.equal(await change({ commission_plan_id: 'ten' }), 200)

  const moves = await readMoves(service, 'd1')
  t.strictSame(
    moves.filter(([, partner]) => partner === 'p2'),
    [
      [1, 'p2', 'USD', 120_000, '2024-01', '2024-01-20', '2024-02-19'],
      [2, 'p2', 'USD', -120_000, '2024-01', '2024-01-20', '2024-02-19'],
      [2, 'p2', 'USD', 120_000, '2024-03', '2024-03-02', '2024-04-01'],
      [3, 'p2', 'EUR', 120_000, '2024-03', '2024-03-02', '2024-04-01'],
      [3, 'p2', 'USD', -120_000, '2024-03', '2024-03-02', '2024-04-01'],
      [4, 'p2', 'EUR', 100_000, '2024-03', '2024-03-02', '2024-03-02'],
      [4, 'p2', 'EUR', -120_000, '2024-03', '2024-03-02', '2024-04-01'],
    ],
  )
})

t.test('a deal that is void owes nothing, and the same again when it is reinstated', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')

  await service.call('POST', '/deals/d1/void', { reason: 'wrong' })
  await service.call('POST', '/deals/d1/reinstate', { reason: 'right' })

  const amounts = (await readMoves(service, 'd1')).map(([version, partner, , amount]) => [
    version,
    partner,
    amount,
  ])
  t.strictSame(amounts, [
    [1, 'p1', 480_000],
    [1, 'p2', 120_000],
    [2, 'p1', -480_000],
    [2, 'p2', -120_000],
    [3, 'p1', 480_000],
    [3, 'p2', 120_000],
  ])
})

const refusal = (constraint: string) => ({ constraint }) as unknown as Error

const move = sql`
  deal_id, source, source_id, source_version + 1, line, kind, partner_id, currency, debit, credit, amount_minor, period,
  effective_on, available_on, posted_at`

t.test(
  'the database refuses a move of a locked month, of an earlier commission, and any change',
  async (t) => {
    const service = await createLedger(t)
    await givenSplitDeal(service, 'd1')
    const owner = connectAsOwner(t, service.url)
    const insert = (columns: typeof move) =>
      sql`insert into ledger_moves select ${columns} from ledger_moves where line = 1`.execute(owner)

    await t.rejects(insert(move), refusal('ledger_moves_of_new_commission'))
    await givenLock(service, '2024-01')
    await t.rejects(insert(move), refusal('ledger_moves_in_open_month'))
    await t.rejects(sql`update ledger_moves set amount_minor = 1`.execute(owner), /append-only/)
    await t.rejects(sql`delete from ledger_moves`.execute(owner), /append-only/)
    await t.rejects(sql`delete from periods`.execute(owner), /append-only/)
  },
)

t.test('the database refuses a commission that the deal has not posted', async (t) => {
  const service = await createLedger(t)
  await givenSplitDeal(service, 'd1')
  const commit = (amount: number) =>
    service.db.transaction().execute(async (trx) => {
      await sql`
        insert into commission_versions (deal_id, version, split_version, plan_id, plan_version, commission_minor, cause,
          calculated_at)
        select deal_id, 2, 1, plan_id, plan_version, commission_minor - 1, cause,
          date_trunc('milliseconds', clock_timestamp()) from commission_versions`.execute(trx)
      await sql`
        insert into commission_lines
        select deal_id, 2, partner_id, commission_minor - (partner_id = 'p1')::int, rule, partner_group
        from commission_lines`.execute(trx)
      if (amount > 0)
        await sql`
          insert into ledger_moves
          select deal_id, source, source_id, 2, line, kind, partner_id, currency, credit, debit, ${amount}::int, period,
            effective_on, available_on, date_trunc('milliseconds', clock_timestamp())
          from ledger_moves where line = 1`.execute(trx)
    })

  await t.rejects(commit(0), refusal('commission_versions_posted'))
  await t.rejects(commit(2), refusal('commission_versions_posted'))
  await commit(1)
})
