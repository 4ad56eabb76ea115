import t from 'tap'
import { sql } from 'kysely'
import { issueKey } from '../../src/api-keys/issue.ts'
import type { LinesReport } from '../../src/bulk-import/schemas.ts'
import { createApp, type TestApp } from '../support/app.ts'

const partner = { kind: 'partner', id: 'p1', name: 'Alice' }
const event = {
  kind: 'event',
  id: 'e1',
  partner_id: 'p1',
  deal_id: 'd1',
  touchpoint_type: 'demo',
  timestamp: '2024-01-10T00:00:00Z',
}
const deal = { kind: 'deal', id: 'd1', amount: 100, closed_date: '2024-01-20', attribution_model: 'equal' }

async function send({ app, key }: TestApp, lines: readonly unknown[], mode = '', apiKey = key) {
  const answer = await app.inject({
    method: 'POST',
    url: `/import${mode && `?mode=${mode}`}`,
    headers: { 'x-api-key': apiKey, 'content-type': 'application/x-ndjson' },
    payload: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  })
  t.equal(answer.statusCode, 200)
  return answer.json<LinesReport>()
}

const counts = ({ created, changed, unchanged, refused }: LinesReport) => [
  created,
  changed,
  unchanged,
  refused,
]

/** Where every row of what an import writes is stored, and by which transaction. */
async function rowsOf({ db }: TestApp) {
  const tables = ['partners', 'events', 'deals', 'refunds', 'attributions', 'shares', 'audit', 'deal_deltas']
  const { rows } = await sql`
    ${sql.join(
      tables.map(
        (name) => sql`select ${name} as name, json_agg(json_build_array(ctid, xmin)) from ${sql.table(name)}`,
      ),
      sql` union all `,
    )}`.execute(db)
  return rows
}

t.test('an import takes lines of every kind, in any order within a batch', async (t) => {
  const service = await createApp(t)
  const lines = [deal, event, partner, { ...deal, id: 'd2', amount: 300 }]

  const first = await send(service, lines)
  const before = await rowsOf(service)
  const second = await send(service, lines)

  t.strictSame(
    [counts(first), counts(second)],
    [
      [4, 0, 0, 0],
      [0, 0, 4, 0],
    ],
  )
  t.strictSame(await rowsOf(service), before)
  t.match((await service.call('GET', '/attribution/d1')).json(), {
    version: 1,
    attributions: [{ partner_id: 'p1', payout: 100 }],
  })
})

t.test(
  'an import that declares changes what is different, in one version, and writes nothing else',
  async (t) => {
    const service = await createApp(t)
    await send(service, [partner, event, deal, { ...deal, id: 'd2' }], 'declare')

    const changed = await send(
      service,
      [
        { ...partner, name: 'Alice B' },
        event,
        { ...deal, amount: 250, note: 'Upsell' },
        { ...deal, id: 'd2' },
      ],
      'declare',
    )
    const before = await rowsOf(service)
    const unchanged = await send(
      service,
      [{ ...partner, name: 'Alice B' }, event, { ...deal, amount: 250 }, { ...deal, id: 'd2' }],
      'declare',
    )

    t.strictSame(
      [counts(changed), counts(unchanged)],
      [
        [0, 2, 2, 0],
        [0, 0, 4, 0],
      ],
    )
    t.strictSame(await rowsOf(service), before)
    t.match((await service.call('GET', '/attribution/d1/history')).json(), {
      versions: [{ reason: 'closed' }, { reason: 'amended', cause: { note: 'Upsell' } }],
    })
    t.match((await service.call('GET', '/deals/d2')).json(), { deal: { version: 1 } })
  },
)

t.test(
  'a declaration with the number -0, which is stored as 0, changes nothing when it is sent again',
  async (t) => {
    const service = await createApp(t)
    const lines = [partner, event, deal].map(withNegativeZero)
    await send(service, lines, 'declare')
    const before = await rowsOf(service)

    const again = await send(service, lines, 'declare')

    t.strictSame(counts(again), [0, 0, 3, 0])
    t.strictSame(await rowsOf(service), before)
  },
)

t.test(
  'an import takes refunds after the deals of their batch, and splits each deal once more',
  async (t) => {
    const service = await createApp(t)
    const refund = { kind: 'refund', deal_id: 'd1', refunded_on: '2024-03-05' }
    const r1 = { ...refund, id: 'r1', amount: 30 }
    const r2 = { ...refund, id: 'r2', amount: 20 }
    const lines = [r1, { ...r2, reason: 'late' }, deal, event, partner]
    const wrong = [
      { ...refund, id: 'r3', amount: 50.01 },
      { ...refund, id: 'r4', amount: 1, deal_id: 'nowhere' },
      { ...r1, amount: 31 },
      { kind: 'refund', id: 'r5', amount: 1 },
    ]

    const first = await send(service, lines)
    const declared = await send(service, lines, 'declare')
    const refused = await send(service, [...wrong, { ...refund, id: 'r6', amount: 50 }], 'declare')

    t.strictSame([first, declared, refused].map(counts), [
      [5, 0, 0, 0],
      [0, 0, 5, 0],
      [1, 0, 0, 4],
    ])
    t.match(refused.refusals, [
      { line: 1, code: 'refund_too_large' },
      { line: 2, code: 'deal_not_found', detail: 'No deal has the id nowhere.' },
      { line: 3, code: 'refund_exists' },
      { line: 4, code: 'invalid_request', errors: [{ pointer: '/deal_id' }] },
    ])
    t.match((await service.call('GET', '/attribution/d1/history')).json(), {
      versions: [
        { reason: 'closed' },
        { reason: 'refunded', total_amount: 50, cause: { refund_ids: ['r1', 'r2'], note: null } },
        { reason: 'refunded', total_amount: 0, attributions: [{ percentage: 100, payout: 0 }] },
      ],
    })
  },
)

t.test('lines with one id are stored one after another', async (t) => {
  const service = await createApp(t)
  const amounts = [100, 200, 200, 300]

  const declared = await send(
    service,
    amounts.map((amount) => ({ ...deal, amount })),
    'declare',
  )
  const submitted = await send(
    service,
    amounts.map((amount) => ({ ...deal, id: 'd2', amount })),
  )
  const partners = await send(
    service,
    ['A', 'B', 'B'].map((name) => ({ ...partner, name })),
    'declare',
  )

  t.strictSame(
    [counts(declared), counts(submitted), counts(partners)],
    [
      [1, 2, 1, 0],
      [1, 0, 0, 3],
      [1, 1, 1, 0],
    ],
  )
  t.match((await service.call('GET', '/deals/d1')).json(), { deal: { amount: 300, version: 3 } })
  t.match((await service.call('GET', '/deals/d2')).json(), { deal: { amount: 100, version: 1 } })
})

t.test('a refused line takes no other line with it', async (t) => {
  const service = await createApp(t)
  const agreed = {
    attribution_model: 'agreed',
    model_parameters: { shares: [{ partner_id: 'x', percentage: 5 }] },
  }
  await send(service, [{ ...deal, id: 'void' }])
  await service.call('POST', '/deals/void/void', { reason: 'Test' })
  const lines = [
    partner,
    { ...deal, kind: 'invoice' },
    'no JSON',
    { ...deal, id: undefined },
    { ...deal, id: 'd3', amount: 1.001 },
    { ...deal, id: 'd4', ...agreed },
    { ...deal, id: 'd5', stage: 'won' },
    { ...event, partner_id: 'nobody' },
    { ...partner, id: 'p2', email: 'a@example.com' },
    { ...partner, id: 'p3', email: 'A@example.com' },
    { ...deal, id: 'void', amount: 200 },
    deal,
  ]

  const report = await send(service, lines, 'declare')

  t.strictSame(counts(report), [3, 0, 0, 9])
  t.match(report.refusals, [
    { line: 2, code: 'invalid_request', errors: [{ pointer: '/kind' }] },
    { line: 3, code: 'malformed_request' },
    { line: 4, code: 'invalid_request', errors: [{ pointer: '/id' }] },
    { line: 5, code: 'invalid_request', errors: [{ pointer: '/amount' }] },
    { line: 6, code: 'unknown_reference', errors: [{ pointer: '/model_parameters/shares' }] },
    { line: 7, code: 'invalid_request', errors: [{ pointer: '/stage' }] },
    { line: 8, code: 'unknown_reference', errors: [{ pointer: '/partner_id' }] },
    { line: 10, code: 'email_taken' },
    { line: 11, code: 'deal_void' },
  ])
})

t.test('lines with payout details need the scope for them', async (t) => {
  const service = await createApp(t)
  const { key } = await issueKey(service.db, { name: 'writer', scopes: ['write'] })
  const detailed = { ...partner, payout_details: { iban: 'DE89370400440532013000' } }

  const refused = await send(service, [detailed, { ...partner, id: 'p2' }], 'submit', key)
  const stored = await send(service, [detailed], 'submit')
  const declared = await send(service, [detailed], 'declare')

  t.match(refused, { created: 1, refused: 1, refusals: [{ line: 1, code: 'forbidden' }] })
  t.strictSame(counts(stored), [1, 0, 0, 0])
  t.match(declared, { refused: 1, refusals: [{ errors: [{ pointer: '/payout_details' }] }] })
})

t.test('an import of an unknown mode is refused', async (t) => {
  const { call } = await createApp(t)

  const { statusCode } = await call('POST', '/import?mode=other', undefined, {
    'content-type': 'application/x-ndjson',
  })

  t.equal(statusCode, 400)
})

t.test('more lines than a batch are stored, each deal once', async (t) => {
  const service = await createApp(t)
  const lines = Array.from({ length: 1700 }, (_, n) => ({ ...deal, id: `d${n}`, amount: n + 1 }))

  const first = await send(service, lines, 'declare')
  const second = await send(
    service,
    lines.map((line, n) => (n % 50 === 0 ? { ...line, amount: 9999 } : line)),
    'declare',
  )

  t.strictSame(
    [counts(first), counts(second)],
    [
      [1700, 0, 0, 0],
      [0, 34, 1666, 0],
    ],
  )
})

function withNegativeZero(line: object): string {
  return `${JSON.stringify(line).slice(0, -1)},"metadata":{"balance":-0}}`
}
