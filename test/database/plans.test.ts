import { Client } from 'pg'
import t from 'tap'
import { rebuildRollups } from '../../src/rollups/verify.ts'
import { createDice } from '../support/dice.ts'
import { createApp } from '../support/app.ts'
import { fill } from '../support/fill.ts'
import { reads } from '../support/reads.ts'

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly Plans?: readonly Plan[]
}
type Request = readonly ['GET' | 'POST' | 'PATCH', string, object?]
interface Statement {
  readonly text: string
  readonly values?: readonly unknown[]
}

const deals = 4000
// Emptied all the time: what the rollups do not hold yet.
const shortTables = ['deal_changes', 'partner_changes', 'touchpoint_changes']
// As many rows as keys and clients.
const smallTables = ['api_keys', 'rate_limits', 'idempotency_keys']

t.test('no request reads all of a table that grows', async (t) => {
  const { call, db, url } = await createApp(t)
  const client = new Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  await fill(client, deals)
  await rebuildRollups(db)
  await client.query('vacuum analyze')
  const dice = createDice(1)
  const event = {
    partner_id: 'p1',
    deal_id: 'deal-1',
    touchpoint_type: 'demo',
    timestamp: '2024-01-01T00:00:00Z',
  }
  const requests: readonly Request[] = [
    ...Object.values(reads).map((pathOf) => ['GET', pathOf(dice, deals)] as const),
    ['POST', '/partners', { name: 'New', email: 'new@example.com' }],
    ['POST', '/events', { ...event, id: 'late' }],
    ['POST', '/events', { ...event, deal_id: 'open' }],
    ['POST', '/deals', { id: 'open', amount: 10, attribution_model: 'equal' }],
    ['PATCH', '/deals/deal-2', { amount: 12, closed_date: '2024-02-02T00:00:00Z' }],
    ['POST', '/events/late/void', { reason: 'counted twice' }],
    ['POST', '/deals/deal-3/void', { reason: 'fell through' }],
    ['POST', '/attribution/deal-4/recalculate'],
  ]

  for (const request of requests) {
    const statements = await record(async () => {
      const { statusCode, body } = await call(...request)
      t.ok(statusCode < 300, `${request[0]} ${request[1]} is answered`, { body })
    })
    for (const { text, values = [] } of statements) {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
        `explain (format json) ${text}`,
        [...values],
      )
      const scanned = rows.flatMap((row) => listScanned(row['QUERY PLAN'][0].Plan))
      t.strictSame(scanned, [], `${request[0]} ${request[1]}: ${text}`)
    }
  }
})

type Query = (this: Client, first: string | Statement, values: readonly unknown[]) => unknown

/** The statements that the driver sends meanwhile and PostgreSQL can explain. */
async function record(work: () => Promise<void>): Promise<readonly Statement[]> {
  const query = Reflect.get(Client.prototype, 'query') as Query
  const statements: Statement[] = []
  Reflect.set(Client.prototype, 'query', function (this: Client, ...args: Parameters<Query>) {
    const [first, values] = args
    statements.push(typeof first === 'string' ? { text: first, values } : first)
    return query.apply(this, args)
  })
  try {
    await work()
  } finally {
    Reflect.set(Client.prototype, 'query', query)
  }
  return statements.filter(({ text }) => /^\s*(?:select|with|insert|update|delete)\b/i.test(text))
}

/** Tables that a plan reads from end to end; under a limit, an index may be read as far as that goes. */
function listScanned(plan: Plan, isLimited = false): readonly string[] {
  const { 'Node Type': type, 'Relation Name': table = '' } = plan
  const limited = (isLimited || type === 'Limit') && type !== 'Sort' && !type.includes('Aggregate')
  const isWhole =
    type === 'Seq Scan' || (type.startsWith('Index') && plan['Index Cond'] === undefined && !limited)
  const isMeant = [...shortTables, ...smallTables].includes(table)
  return [
    ...(isWhole && !isMeant ? [`${type} on ${table}`] : []),
    ...(plan.Plans ?? []).flatMap((inner) => listScanned(inner, limited)),
  ]
}
