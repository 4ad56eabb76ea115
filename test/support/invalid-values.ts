import * as fc from 'fast-check'
import type { OpenAPIV3 } from 'openapi-types'
import type { Resolve, Schema } from './valid-values.ts'

/** One place in a value and what to put there; `undefined` removes it. */
interface Fault {
  readonly path: readonly (string | number)[]
  readonly value: unknown
}

const wrongOf: Readonly<Record<string, readonly unknown[]>> = {
  string: [7, true, {}, []],
  number: ['1', '', true, {}, [1]],
  integer: ['1', 1.5, true, {}, [1]],
  boolean: ['true', 0, {}],
  array: [{}, 'a', 7],
  object: ['a', 7, [], true],
}
const wrongInstants = [
  'yesterday',
  'now',
  'infinity',
  '2024-01-01 00:00:00Z',
  '2024-02-30T00:00:00Z',
  '2023-02-29T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
  '10000-01-01T00:00:00Z',
  '+010000-01-01T00:00:00Z',
  '2024-01-01T24:00:00Z',
  '2024-01-01T00:60:00Z',
  '2024-01-01T23:59:60Z',
  '2024-01-01T00:00:00',
  '2024-01-01T00:00:00+15:00',
  '2024-01-01T00:00:00+99:99',
  '20240101T000000Z',
  '1704067200',
  '',
]
const wrongDates = ['2024-02-30', '2024-13-01', '20240101', '01/02/2024', '2024-1-1']
const wrongTexts = ['', ' ', '\u0000', 'a\u0000b', '\ud800', 'a\u0007b', '\u001b[2J', 'a\r\nb']

/** Every way to make this value invalid for its schema in one place. */
export function faultsOf(
  schema: Schema,
  value: unknown,
  resolve: Resolve,
  path: Fault['path'] = [],
): Fault[] {
  const plain = resolve(schema)
  const here = wrongValuesOf(plain).map((wrong) => ({ path, value: wrong }))
  if (value === null || value === undefined) return here
  if (plain.type === 'array' && Array.isArray(value)) {
    return [
      ...here,
      ...value.flatMap((item, index) => faultsOf(plain.items, item, resolve, [...path, index])),
    ]
  }
  if (plain.type !== 'object' || typeof value !== 'object') return here
  const missing = (plain.required ?? []).map((name) => ({ path: [...path, name], value: undefined }))
  const extra = plain.additionalProperties === false ? [{ path: [...path, 'unknown'], value: 1 }] : []
  const inner = Object.entries(plain.properties ?? {}).flatMap(([name, field]) =>
    Object.hasOwn(value, name) ? faultsOf(field, Reflect.get(value, name), resolve, [...path, name]) : [],
  )
  return [...here, ...missing, ...extra, ...inner]
}

function wrongValuesOf(schema: OpenAPIV3.SchemaObject): unknown[] {
  const { type = 'string', nullable, minimum, maximum, maxLength, pattern, format } = schema
  const wrong = [...(wrongOf[type] ?? []), ...(nullable === true ? [] : [null])]
  if (schema.enum !== undefined) wrong.push('', 'constructor', 'toString', `${String(schema.enum[0])} `)
  if (minimum !== undefined) wrong.push(minimum - 1, -1, -0.5)
  if (maximum !== undefined) wrong.push(maximum + 1, 1e21)
  if (maxLength !== undefined) wrong.push('x'.repeat(maxLength + 1))
  if (pattern !== undefined) wrong.push(...wrongTexts)
  if (pattern?.includes('A-Z')) wrong.push('é', 'a/b', "' or 1=1--")
  if (pattern?.includes('[!-~]')) wrong.push('é', ' a', 'a ', '.', '..')
  if (format === 'date-time') wrong.push(...wrongInstants, ...wrongDates, '2024-01-01')
  if (format === 'date') wrong.push(...wrongDates, '2024-01-01T00:00:00Z')
  if (format === 'date-or-date-time') wrong.push(...wrongInstants, ...wrongDates)
  if (format === 'currency') wrong.push('ABC', 'XXX', 'usd')
  if (format === 'idn-email')
    wrong.push('', 'a', 'a@b', '@b.co', 'a@b.co\nBcc: c@d.co', 'a b@c.co', 'a@b..co', 'a@-b.co')
  if (schema.type === 'array') wrong.push(...wrongListsOf(schema))
  if (type === 'object' && (schema.minProperties ?? 0) > 0) wrong.push({})
  return wrong
}

function wrongListsOf({ minItems = 0, maxItems = 0 }: OpenAPIV3.ArraySchemaObject): unknown[] {
  return [
    ...(minItems > 0 ? [[]] : []),
    ...(maxItems > 0 ? [Array.from({ length: maxItems + 1 }, () => ({}))] : []),
  ]
}

export function withFault(value: unknown, { path, value: wrong }: Fault): unknown {
  const [step, ...rest] = path
  if (step === undefined) return wrong
  const inner = Reflect.get(value as object, step) as unknown
  const changed = withFault(inner, { path: rest, value: wrong })
  if (Array.isArray(value)) return value.with(step as number, changed)
  return { ...(value as object), [step]: changed }
}

/** Bodies that are not valid JSON or not a single JSON object. */
export function brokenTextsOf(text: string): fc.Arbitrary<Buffer> {
  const cut = fc
    .integer({ min: 1, max: Math.max(1, text.length - 1) })
    .map((end) => Buffer.from(text.slice(0, end)))
  const whole = [
    '[]',
    'null',
    '"text"',
    '7',
    `${text}${text}`,
    `${text},`,
    `[${text}]`,
    `{"a":${'['.repeat(5000)}`,
    'undefined',
  ]
  const bytes = [
    Buffer.from([0xff, 0xfe]),
    Buffer.concat([Buffer.from(text), Buffer.of(0)]),
    Buffer.from('{"a":"\xc3"}', 'latin1'),
  ]
  return fc.oneof(cut, fc.constantFrom(...whole.map((one) => Buffer.from(one)), ...bytes))
}

/** Path segments that are not valid ids. */
export const brokenSegments = fc.constantFrom(
  '%00',
  'a%00b',
  '%20',
  'a%20',
  '%09a',
  '%C3%A9',
  '%ZZ',
  '%E0%A4%A',
  '%ED%A0%80',
  '%F0%9F%98%80',
  'a%0Ab',
  'x'.repeat(129),
  'x'.repeat(2000),
)
