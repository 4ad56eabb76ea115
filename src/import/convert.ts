import { formats } from '../http/formats.ts'
import { readMoney, readNumber } from './amounts.ts'
import { exampleOf } from './dates.ts'
import type { FieldSchema } from './fields.ts'
import type { Rules } from './rules.ts'

/** The sign or the code of a currency beside an amount, and the currency if it is certain. */
export interface Unit {
  readonly sign?: string | undefined
  readonly currency?: string | undefined
}

/** A value for a field, or what the text must be, as the end of a sentence. */
type Converted = ({ readonly value: unknown } & Unit) | { readonly wanted: string }

const truths: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  1: true,
  false: false,
  no: false,
  0: false,
}

/** Converts a value of a file to the type of a field. A value that is no text stays as it is, except that numbers become ids. */
export function convert(value: unknown, field: string, schema: FieldSchema, rules: Rules): Converted {
  const type = typeOf(schema)
  if (typeof value !== 'string')
    return { value: type === 'string' && isNumber(value) ? JSON.stringify(value) : value }
  const standins = rules.values.get(field)
  const text = standins?.get(value.trim()) ?? standins?.get('*') ?? value
  if (field === 'amount') return toValue(readMoney(text, rules.isDecimalComma))
  if (type === 'number' || type === 'integer') return toValue(readNumber(text, rules.isDecimalComma))
  if (type === 'boolean') {
    const value = truths[text.trim().toLowerCase()]
    return value === undefined ? { wanted: 'must be true or false' } : { value }
  }
  if (schema.format === 'date-or-date-time' || schema.format === 'date')
    return convertDate(text.trim(), schema.format, rules)
  return { value: text }
}

function toValue(read: ReturnType<typeof readMoney>): Converted {
  if ('wanted' in read) return read
  const { number, ...unit } = read
  return { value: number, ...unit }
}

function convertDate(text: string, format: 'date-or-date-time' | 'date', { dateFormats }: Rules): Converted {
  const { accepts, wanted } = formats[format]
  if (accepts(text)) return { value: text }
  for (const { read } of dateFormats) {
    const date = read(text)
    if (date !== undefined) return { value: date }
  }
  if (dateFormats.length === 0)
    return { wanted: `${wanted}; for another form, add --date-format, such as DD.MM.YYYY` }
  const examples = dateFormats.map(({ format }) => `${exampleOf(format)} (${format})`)
  return { wanted: `must be a date such as ${[...examples, '2026-01-31'].join(' or ')}` }
}

function typeOf({ type }: FieldSchema): string | undefined {
  return typeof type === 'string' ? type : type?.[0]
}

function isNumber(value: unknown): boolean {
  return (
    typeof value === 'number' || (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value)
  )
}
