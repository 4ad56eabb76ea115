import { sql } from 'kysely'
import { Client } from 'pg'
import t from 'tap'
import { rebuildRollups } from '../../src/rollups/verify.ts'
import { createRandom } from '../support/random.ts'
import { createApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { fillDatabase } from '../support/fill-database.ts'
import { readPaths } from '../support/read-paths.ts'

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Rows Removed by Filter'?: number
  readonly 'Actual Loops': number
  readonly Plans?: readonly Plan[]
}
interface Explained {
  readonly 'Query Text': string
  readonly Plan: Plan
}
type Request = readonly ['GET' | 'POST' | 'PATCH', string, object?]

const deals = 4000
// Changes that are not in the rollups yet; a job empties these tables.
const shortTables = ['deal_deltas', 'partner_deltas', 'touchpoint_deltas']
// Rows for each key, client, plan or month, and one for the calendar.
const smallTables = [
  'api_keys',
  'rate_limits',
  'calendar',
  'commission_plans',
  'commission_plan_versions',
  'commission_plan_defaults',
  'periods',
]
const fewRows = 20

t.test('no request, trigger or function scans a whole growing table', async (t) => {
  const { url, ownerUrl, name } = await createDatabase(t)
  const client = new Client({ connectionString: ownerUrl })
  await client.connect()
  t.teardown(() => client.end())
  await fillDatabase(client, deals)
  await client.query(
    `insert into idempotency_keys (key_hash, request_hash, status, answer)
     select sha256(n::text::bytea), '', 200, '{}' from generate_series(1, ${deals}) n`,
  )
  await client.query(
    `insert into statements (partner_id, currency, month, opening_minor, closing_minor, csv, digest)
     select 'p' || n, 'USD', '2023-11-01', 0, 0, '', '' from generate_series(1, ${deals}) n`,
  )
  await client.query(
    `insert into event_revisions (event_id, revision, deal_id, partner_id, touchpoint_type, timestamp, known_from, known_until,
       created_at, replaced_at, replaced_by)
     select 'revised-' || n, 1, 'deal-' || n, 'p1', 'demo', now(), 1, 1, now(), now(), 'event_corrected'
     from generate_series(1, ${deals}) n`,
  )
  await client.query(
    `insert into refunds (id, deal_id, amount_minor, currency, refunded_on, voided_at, void_reason, submission)
     select 'void-' || n, 'deal-' || n, 1, 'USD', '2024-01-01', now(), 'a mistake', '' from generate_series(1, ${deals}) n`,
  )
  await client.query(explainAll(name))
  const explained = listenToPlans()
  const service = await createApp(t, { url })
  await rebuildRollups(service.db)
  await client.query('vacuum analyze')
  const random = createRandom(1)
  const event = {
    partner_id: 'p1',
    deal_id: 'deal-1',
    touchpoint_type: 'demo',
    timestamp: '2024-01-01T00:00:00Z',
  }
  const requests: readonly Request[] = [
    ...Object.values(readPaths).map((pathOf) => ['GET', pathOf(random, deals)] as const),
    ['GET', '/attribution/deal-1?as_of=2100-01-01T00:00:00Z'],
    ['GET', '/attribution/deal-1/compare'],
    ['GET', '/analytics/partners?sort=deals'],
    ['GET', '/partners/p20/statement?month=2025-06&format=csv&as_of=2100-01-01T00:00:00Z'],
    ['GET', '/attributions.csv?start_date=2025-06-01&end_date=2025-12-31'],
    ['GET', '/attributions.ndjson?start_date=2025-06-01&partner_id=p1'],
    ['GET', '/deals?offset=20&limit=20'],
    ['GET', '/deals?partner_id=p1&attribution_model=linear&currency=JPY'],
    ['GET', '/deals?currency=JPY'],
    ['GET', '/analytics?currency=JPY'],
    ['GET', '/analytics/partner/p1?currency=JPY'],
    ['GET', '/partners/p1/statement?month=2025-06&currency=JPY'],
    ['GET', '/partners/p1?currency=EUR'],
    [
      'POST',
      '/analytics/what-if',
      { attribution_model: 'equal', currency: 'GBP', start_date: '2024-01-01', end_date: '2024-01-01' },
    ],
    ['POST', '/partners', { name: 'New', email: 'new@example.com' }],
    ['POST', '/events', { ...event, id: 'late' }],
    ['POST', '/events', { ...event, deal_id: 'open' }],
    ['POST', '/events/batch', { events: [{ ...event, id: 'batched' }] }],
    ['POST', '/deals', { id: 'open', amount: 10, attribution_model: 'equal' }],
    ['PATCH', '/deals/deal-2', { amount: 12, closed_date: '2024-02-02T00:00:00Z' }],
    ['POST', '/events/late/void', { reason: 'counted twice' }],
    ['POST', '/events/late/reinstate', { reason: 'counted once' }],
    ['GET', '/events/late/revisions'],
    ['POST', '/deals/deal-5/refunds', { id: 'refund', amount: 1 }],
    ['GET', '/deals/deal-5/refunds'],
    ['POST', '/refunds/refund/void', { reason: 'a mistake' }],
    ['POST', '/deals/deal-3/void', { reason: 'fell through' }],
    ['POST', '/attribution/deal-4/recalculate'],
  ]

  let keys = 0
  const keyed = (method: string) => (method === 'GET' ? {} : { 'idempotency-key': `key-${keys++}` })
  const check = async ([method, path, body]: Request) => {
    explained.length = 0
    const answer = await service.call(method, path, body, keyed(method))
    t.ok(answer.statusCode < 300, `${method} ${path} succeeds`, { body: answer.body })
    t.ok(explained.length > 0)
    for (const { 'Query Text': text, Plan: plan } of explained.splice(0)) {
      t.strictSame(listScanned(plan), [], `${method} ${path}: ${text}`)
    }
    return answer
  }
  for (const request of requests) {
    const { body } = await check(request)
    const next = /"next_cursor":"(?<cursor>[^"]+)"/.exec(body)?.groups?.['cursor']
    const [, path] = request
    if (next !== undefined && !path.includes('offset')) {
      await check(['GET', `${path}${path.includes('?') ? '&' : '?'}cursor=${next}`])
    }
  }
})

/** Settings that send each client the plan of every statement, including those in functions and triggers. */
function explainAll(database: string): string {
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_nested_statements': 'on',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_format': 'json',
    'auto_explain.log_level': 'notice',
  }
  return Object.entries(settings)
    .map(([setting, value]) => `alter database ${database} set ${setting} = '${value}'`)
    .join(';')
}

type Connect = (this: Client, ...args: unknown[]) => unknown

/** Collects the plans sent to all clients that connect from now on. */
function listenToPlans(): Explained[] {
  const explained: Explained[] = []
  const connect = Reflect.get(Client.prototype, 'connect') as Connect
  Reflect.set(Client.prototype, 'connect', function (this: Client, ...args: unknown[]) {
    this.on('notice', ({ message = '' }) => {
      const [, plan] = message.split(' plan:\n')
      if (plan !== undefined) explained.push(JSON.parse(plan) as Explained)
    })
    return connect.apply(this, args)
  })
  return explained
}

/** The tables that a plan reads in full. An index scan under a limit is allowed, because it stops there. */
function listScanned(plan: Plan, isLimited = false): readonly string[] {
  const { 'Node Type': type, 'Relation Name': table = '' } = plan
  const limited = (isLimited || type === 'Limit') && type !== 'Sort' && !type.includes('Aggregate')
  const isWhole =
    type === 'Seq Scan' || (type.startsWith('Index') && plan['Index Cond'] === undefined && !limited)
  const isAllowed = [...shortTables, ...smallTables].includes(table)
  const removed = (plan['Rows Removed by Filter'] ?? 0) * plan['Actual Loops']
  return [
    ...(isWhole && !isAllowed ? [`${type} on ${table}`] : []),
    ...(removed > fewRows && table !== '' && !isAllowed
      ? [`${type} on ${table} removes ${removed} rows by a filter`]
      : []),
    ...(plan.Plans ?? []).flatMap((inner) => listScanned(inner, limited)),
  ]
}

t.test('connections turn off JIT compilation', async (t) => {
  const { db } = await createApp(t)

  const { rows } = await sql`show jit`.execute(db)

  t.strictSame(rows, [{ jit: 'off' }])
})
