import * as fc from 'fast-check'
import type { OpenAPIV3 } from 'openapi-types'

export type Schema = OpenAPIV3.SchemaObject | OpenAPIV3.ReferenceObject
export type Resolve = (schema: Schema) => OpenAPIV3.SchemaObject

/** Resolves the references of a document. */
export function createResolve({ components }: OpenAPIV3.Document): Resolve {
  return (schema) => {
    if (!('$ref' in schema)) return schema
    const found = components?.schemas?.[schema.$ref.replace('#/components/schemas/', '')]
    if (found === undefined || '$ref' in found) throw new Error(`The document has no ${schema.$ref}.`)
    return found
  }
}

const day = 86_400_000
const alphabet = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:~-#/% "'.split('')
const id = fc
  .string({ unit: fc.constantFrom(...alphabet), minLength: 1, maxLength: 128 })
  .filter((text) => text !== '.' && text !== '..' && text.trim() === text)
const pooled = (...ids: string[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...ids) }, { weight: 1, arbitrary: id })
const plainText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(isPlain)
const metadata = fc.dictionary(
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter(isStorable),
  fc.oneof(
    fc.string({ unit: 'grapheme' }).filter(isStorable),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.integer(), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: fc.constantFrom('a', 'b') }), fc.integer(), { maxKeys: 3 }),
  ),
  { maxKeys: 6 },
)

/** Instants between two numbers of days from now, in the forms of ISO 8601 that the API accepts. */
function instants(fromDays: number, toDays: number): fc.Arbitrary<string> {
  const offsets = fc.constantFrom('Z', 'z', '+00:00', '-08:00', '+05:45', '+14:00', '-00:30')
  const digits = fc.integer({ min: 0, max: 9 })
  const now = Date.now()
  return fc
    .tuple(
      fc.integer({ min: now + fromDays * day, max: now + toDays * day }),
      offsets,
      digits,
      fc.constantFrom('T', 't'),
    )
    .map(([at, offset, decimals, separator]) => {
      const [date = '', time = ''] = new Date(at).toISOString().slice(0, 19).split('T')
      const fraction = decimals === 0 ? '' : `.${'123456789'.slice(0, decimals)}`
      return `${date}${separator}${time}${fraction}${offset}`
    })
}

const date = (from: string, to: string) =>
  fc
    .date({ min: new Date(from), max: new Date(to), noInvalidDate: true })
    .map((at) => at.toISOString().slice(0, 10))

/** Values by field name, for rules that a schema cannot express: between fields, and with stored rows. */
const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  partner_id: pooled('p1', 'p2', 'p3'),
  partnerId: pooled('p1', 'p2', 'p3'),
  deal_id: pooled('d1', 'd2', 'd3'),
  dealId: pooled('d1', 'd2', 'd3'),
  eventId: pooled('e1', 'e2', 'e3'),
  keyId: pooled('key_1', 'key_2', 'key_3'),
  amount: fc.integer({ min: 1, max: 999_999_999 }),
  currency: fc.constantFrom('USD', 'EUR', 'JPY', 'KWD'),
  timestamp: instants(-20_000, -2),
  closed_date: instants(-20_000, -2),
  as_of: instants(-20_000, 0),
  expires_at: fc.oneof(instants(2, 20_000), fc.constant(null)),
  start_date: date('1970-01-01', '2023-12-31'),
  end_date: date('2024-01-01', '9999-12-31'),
  month: date('1970-01-01', '2026-01-01').map((text) => text.slice(0, 7)),
  email: fc.emailAddress(),
  metadata,
  payout_details: fc.dictionary(
    fc.string({ unit: fc.constantFrom('a', 'b', 'c', '_', '0'), maxLength: 39 }).map((text) => `f${text}`),
    plainText,
    { minKeys: 1, maxKeys: 20 },
  ),
  // The parameters that every model has.
  model_parameters: fc.record(
    {
      close_grace_minutes: fc.integer({ min: 0, max: 525_600 }),
      lookback_days: fc.integer({ min: 1, max: 36_500 }),
    },
    { requiredKeys: [] },
  ),
}
/** Only the previous page gives a valid cursor. */
const leftOut = new Set(['cursor'])

/** Values that a schema of the document accepts and that the service does not refuse. */
export function valuesOf(schema: Schema, resolve: Resolve, name = ''): fc.Arbitrary<unknown> {
  const known = byName[name]
  if (known !== undefined) return known
  const plain = resolve(schema)
  const values = plainValuesOf(plain, resolve)
  return plain.nullable === true ? fc.option(values, { freq: 5 }) : values
}

function plainValuesOf(schema: OpenAPIV3.SchemaObject, resolve: Resolve): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined)
    return fc.constantFrom(...(schema.enum as unknown[]).filter((value) => value !== null))
  const { type, minimum = 0, maximum = 1000 } = schema
  if (type === 'boolean') return fc.boolean()
  if (type === 'integer' || type === 'number')
    return fc.integer({ min: Math.ceil(minimum), max: Math.min(maximum, 2_147_483_647) })
  if (type === 'array') return arraysOf(schema, resolve)
  if (type === 'object') return objectsOf(schema, resolve)
  return stringsOf(schema)
}

function stringsOf({ pattern = '', format, maxLength = 100 }: OpenAPIV3.SchemaObject): fc.Arbitrary<string> {
  if (format === 'date-time') return instants(-20_000, -2)
  if (format === 'currency') return fc.constantFrom('USD', 'EUR', 'JPY')
  if (format === 'date') return instants(-20_000, -2).map((instant) => instant.slice(0, 10))
  if (format === 'date-or-date-time')
    return fc.oneof(date('1970-01-01', '9999-12-31'), instants(-20_000, 20_000))
  if (pattern.includes('[!-~]')) return id
  if (pattern.startsWith('^[^\\S')) return plainText.map((text) => text.slice(0, maxLength))
  if (pattern === '') return plainText
  return fc.stringMatching(new RegExp(pattern)).filter(({ length }) => length > 0 && length <= maxLength)
}

function arraysOf(schema: OpenAPIV3.ArraySchemaObject, resolve: Resolve): fc.Arbitrary<unknown[]> {
  const items = valuesOf(schema.items, resolve)
  const size = { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 4, 4) }
  if (schema.uniqueItems === true) return fc.uniqueArray(items, size)
  // Rows of one request have distinct ids.
  return fc.uniqueArray(items, { ...size, selector: (item) => (item as { id?: string }).id ?? item })
}

function objectsOf(schema: OpenAPIV3.SchemaObject, resolve: Resolve): fc.Arbitrary<object> {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !leftOut.has(name))
  const model = Object.fromEntries(fields.map(([name, field]) => [name, valuesOf(field, resolve, name)]))
  return fc
    .record(model, { requiredKeys: schema.required ?? [] })
    .filter((value) => Object.keys(value).length >= (schema.minProperties ?? 0))
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0') && text !== '__proto__'
}

function isPlain(text: string): boolean {
  return isStorable(text) && /\S/.test(text) && !/\p{Cc}/u.test(text) && !text.startsWith('******')
}
