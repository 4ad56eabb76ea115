import { pipeline } from 'node:stream'
import { parse } from 'csv-parse'
import { type Kind, type Line, rawNumber } from './line.ts'

interface Parsed {
  readonly record: readonly Buffer[]
  readonly info: { readonly lines: number }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
// Columns that only one kind has.
const signs: Readonly<Record<string, Kind>> = { email: 'partner', touchpoint_type: 'event', amount: 'deal' }

/** The records of comma-separated values under a header; an empty cell is an absent field, `a.b` a nested one. */
export async function* readCsv(source: AsyncIterable<Buffer>, given?: Kind): AsyncGenerator<Line> {
  const skipped: Line[] = []
  const parser = parse({
    encoding: null,
    info: true,
    ltrim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: 1_048_576,
    on_skip: (error) => void skipped.push({ line: Number(error?.['lines']), fault: `${error?.message}.` }),
  })
  let columns: readonly string[] | undefined
  let kind: Kind | undefined
  // The reader of the last stream meets what goes wrong in any.
  const records: AsyncIterable<Parsed> = pipeline(source, withoutMark, parser, () => {})
  for await (const { record, info } of records) {
    yield* skipped.splice(0)
    if (columns === undefined) {
      columns = readHeader(record)
      kind = given ?? guessKind(columns)
    } else {
      yield { line: info.lines, ...readRecord(columns, record, kind) }
    }
  }
  yield* skipped
}

/** Cuts off the byte order mark that spreadsheets write: the parser would take it for text before a quote. */
async function* withoutMark(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const chunk of source) {
    yield isFirst && chunk.subarray(0, 3).equals(Buffer.from('\ufeff')) ? chunk.subarray(3) : chunk
    isFirst = false
  }
}

function readHeader(record: readonly Buffer[]): readonly string[] {
  const columns = record.map((cell) => utf8.decode(cell))
  const clash = columns.find((column, index) =>
    columns.some((other, at) => at !== index && (other === column || other.startsWith(`${column}.`))),
  )
  if (clash !== undefined) throw new Error(`the header has the column ${clash || '(without a name)'} twice.`)
  return columns
}

function guessKind(columns: readonly string[]): Kind | undefined {
  if (columns.includes('kind')) return undefined
  const sign = Object.keys(signs).find((column) => columns.includes(column))
  if (sign === undefined) throw new Error('its header does not tell its kind; say it with --kind.')
  return signs[sign]
}

function readRecord(columns: readonly string[], record: readonly Buffer[], kind: Kind | undefined) {
  if (record.length !== columns.length) {
    return { fault: `The record has ${record.length} cells under ${columns.length} columns.` }
  }
  // Without a prototype, a column named __proto__ is a name like any other.
  const fields: Fields = Object.assign(Object.create(null), kind && { kind })
  try {
    for (const [index, column] of columns.entries()) {
      const text = utf8.decode(record[index])
      if (text !== '') place(fields, column.split('.'), toValue(column, text))
    }
  } catch {
    return { fault: 'The record is not UTF-8.' }
  }
  return { fields }
}

interface Fields {
  [name: string]: unknown
}

function place(fields: Fields, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) fields[name] = value
  else place((fields[name] ??= Object.create(null)) as Fields, rest, value)
}

function toValue(column: string, text: string): unknown {
  const isNumber = column === 'amount' || column.startsWith('model_parameters.')
  return isNumber && jsonNumber.test(text) ? rawNumber(text) : text
}
