import type { OpenAPIV3 } from 'openapi-types'
import t from 'tap'
import { patternSentences } from '../../src/values/schemas.ts'
import { createApp } from '../support/app.ts'
import { listOperations, readDocument } from '../support/openapi-document.ts'

const partner = { name: 'Acme', email: 'sales@acme.example' }
const deal = { amount: 1, attribution_model: 'equal' }
const weighted = { ...deal, attribution_model: 'role-based' }
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 'x']))
const models = 'equal, first-touch, last-touch, role-based, time-decay, linear, position-based, agreed'
const dateOrInstant =
  'a date such as 2026-01-31, or an instant such as 2026-01-31T17:00:00Z, from 1970 to 9999.'
const instant = 'an instant such as 2026-01-31T17:00:00Z, from 1970 to 9999.'

const bodies: readonly (readonly [path: string, body: unknown, pointer: string, detail: string])[] = [
  ['/partners', [], '', 'The value must be an object.'],
  ['/partners', { email: partner.email }, '/name', 'The field is required.'],
  ['/partners', { ...partner, nmae: 1 }, '/nmae', 'The field is unknown.'],
  ['/partners', { ...partner, name: 5 }, '/name', 'The value must be text.'],
  [
    '/partners',
    { ...partner, name: 'x'.repeat(201) },
    '/name',
    'The value must have at most 200 characters.',
  ],
  [
    '/partners',
    { ...partner, name: 'a\nb' },
    '/name',
    'The value must be text in one line, without control characters, and not blank.',
  ],
  [
    '/partners',
    { ...partner, email: 'acme' },
    '/email',
    'The value must be an e-mail address such as anna@example.com.',
  ],
  [
    '/partners',
    { ...partner, id: ' a' },
    '/id',
    'The value must be an id such as deal-123 or INV/2024/0001: printable ASCII characters, without blanks at its ends, but not . or .. alone.',
  ],
  [
    '/partners',
    { ...partner, payout_details: many(21) },
    '/payout_details',
    'The value must have at most 20 fields.',
  ],
  [
    '/partners',
    { ...partner, payout_details: { IBAN: 'x' } },
    '/payout_details/IBAN',
    'The field must be named like bank_account: up to 40 lower-case letters, digits and _, a letter first.',
  ],
  ['/deals', { ...deal, amount: '1' }, '/amount', 'The value must be a number.'],
  ['/deals', { ...deal, amount: 0 }, '/amount', 'The value must be at least 0.0001.'],
  ['/deals', { ...deal, amount: 1e15 }, '/amount', 'The value must be at most 999,999,999,999,999.'],
  [
    '/deals',
    { ...deal, amount: 1.005 },
    '/amount',
    'An amount in USD has at most 2 decimals, is above 0 and at most USD 9,999,999,999,999.99.',
  ],
  [
    '/deals',
    { ...deal, amount: 1.5, currency: 'JPY' },
    '/amount',
    'An amount in JPY has no decimals, is above 0 and at most JPY 999,999,999,999,999.',
  ],
  [
    '/deals',
    { ...deal, currency: 'usd' },
    '/currency',
    'The value must be the ISO 4217 code of a currency, such as USD.',
  ],
  ['/deals', { ...deal, closed_date: '31.01.2026' }, '/closed_date', `The value must be ${dateOrInstant}`],
  [
    '/deals',
    { ...deal, attribution_model: 'best' },
    '/attribution_model',
    `The value must be one of ${models}.`,
  ],
  [
    '/deals',
    { ...weighted, model_parameters: { weights: { demo: 0.12345 } } },
    '/model_parameters/weights/demo',
    'The value must have at most 4 decimals.',
  ],
  [
    '/deals',
    { ...deal, model_parameters: { lookback_days: 1.5 } },
    '/model_parameters/lookback_days',
    'The value must be a whole number or null.',
  ],
  ['/events/batch', { events: [] }, '/events', 'The value must have at least 1 item.'],
  ['/events/batch', { events: many(2) }, '/events', 'The value must be a list.'],
  [
    '/api-keys',
    { name: 'crm', scopes: ['read', 'read'] },
    '/scopes',
    'The value must not have an item twice.',
  ],
]

const queries: readonly (readonly [url: string, pointer: string, detail: string])[] = [
  ['/events?dael_id=x', 'dael_id', 'The parameter is unknown.'],
  ['/partners?limit=ten', 'limit', 'The parameter must be a whole number.'],
  ['/partners?limit=1001', 'limit', 'The parameter must be at most 1,000.'],
  ['/partners?offset=10001', 'offset', 'The parameter must be at most 10,000; use a cursor to go further.'],
  ['/partners?cursor=é', 'cursor', 'The parameter must be the next_cursor of the previous page.'],
  ['/attribution/d1?explain=yes', 'explain', 'The parameter must be true or false.'],
  ['/attribution/d1?as_of=now', 'as_of', `The parameter must be ${instant}`],
  [
    '/analytics?start_date=May',
    'start_date',
    'The parameter must be a date such as 2026-01-31, or an instant such as 2026-01-31T17:00:00Z, from 1970 to 9999.',
  ],
  ['/partners/p1/statement', 'month', 'The parameter is required.'],
  [
    '/partners/p1/statement?month=May',
    'month',
    'The parameter must be a month such as 2026-07, from 1970 to 9999.',
  ],
]

t.test('a fault says in plain words what the value must be', async (t) => {
  const { call } = await createApp(t)

  for (const [path, body, pointer, detail] of bodies) {
    const refused = await call('POST', path, body as object)
    t.match(refused.json(), { status: 400, errors: [{ pointer, detail }] }, path)
    t.equal(refused.json<{ errors: object[] }>().errors.length, 1, detail)
  }
  for (const [url, pointer, detail] of queries) {
    const refused = await call('GET', encodeURI(url))
    t.strictSame(refused.json<{ errors: object[] }>().errors, [{ pointer, detail }], url)
  }
  const nameless = await call('POST', '/partners', { ...partner, name: '' })
  t.match(nameless.json(), { errors: [{ detail: 'The value must have at least 1 character.' }, {}] })
  const empty = await call('PATCH', '/partners/p1', {})
  t.match(empty.json(), { errors: [{ pointer: '', detail: 'The value must have at least 1 field.' }] })
})

t.test('each pattern of a request has a sentence', async (t) => {
  const { paths, components } = await readDocument(t)
  const requests = Object.values(paths).flatMap((item) =>
    Object.values(item ?? {}).map((operation) => {
      const { parameters, requestBody } = operation as OpenAPIV3.OperationObject
      return { parameters, requestBody }
    }),
  )
  const patterns = new Set<string>()
  JSON.stringify([requests, components?.schemas], (name, value: unknown) => {
    if (name === 'pattern' && typeof value === 'string') patterns.add(value)
    return value
  })

  // Months of answers, which no client sends.
  patterns.delete(String.raw`^\d{4}-\d{2}$`)
  t.strictSame(
    [...patterns].filter((pattern) => !patternSentences.has(pattern)),
    [],
  )
  t.ok(patterns.size >= 4)
})

t.test('an unknown currency is refused wherever a request can name one', async (t) => {
  const document = await readDocument(t)
  const { call } = await createApp(t)
  const detail = 'must be the ISO 4217 code of a currency, such as USD.'
  const reads = listOperations(document).filter(({ operation }) =>
    operation.parameters?.some((parameter) => 'name' in parameter && parameter.name === 'currency'),
  )

  t.ok(reads.length >= 7)
  for (const { path } of reads)
    for (const currency of ['ABC', 'XXX', 'usd']) {
      const url = `${path.replaceAll(/\{\w+\}/g, 'p1')}?month=2026-05&currency=${currency}`
      const { errors } = (await call('GET', url)).json<{ errors: object[] }>()
      const faults = errors.filter((fault) => Reflect.get(fault, 'pointer') === 'currency')
      t.strictSame(faults, [{ pointer: 'currency', detail: `The parameter ${detail}` }], url)
    }
  const writes = [
    ['/deals', deal],
    ['/attribution/simulate', { ...deal, events: [] }],
    ['/analytics/what-if', { attribution_model: 'equal' }],
  ] as const
  for (const [path, body] of writes) {
    const refused = await call('POST', path, { ...body, currency: 'ABC' })
    t.match(refused.json(), { errors: [{ pointer: '/currency', detail: `The value ${detail}` }] }, path)
  }
  t.equal((await call('POST', '/deals', { ...deal, currency: 'HRK' })).statusCode, 201)
})
