import { pipeline } from 'node:stream'
import { parse } from 'csv-parse'
import { type Kind, type FileLine, rawNumber } from './file-line.ts'

interface CsvRecord {
  readonly record: readonly Buffer[]
  readonly info: { readonly lines: number }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
// Each of these columns exists in one kind only.
const kindOfColumn: Readonly<Record<string, Kind>> = {
  email: 'partner',
  touchpoint_type: 'event',
  amount: 'deal',
}

/**
 * Reads comma-separated values with a header. An empty cell is an absent field; a column `a.b` is the field `b` of `a`. `given`
 * is the kind of all rows; without it, the header tells it. Throws if the header is not valid.
 */
export async function* readCsv(source: AsyncIterable<Buffer>, given?: Kind): AsyncGenerator<FileLine> {
  const skipped: FileLine[] = []
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
  // An error of any of the streams reaches the reader of the last one.
  const records: AsyncIterable<CsvRecord> = pipeline(source, withoutMark, parser, () => {})
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

/** Removes the byte order mark that spreadsheets write: the parser would read it as text before a quote. */
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
  const column = Object.keys(kindOfColumn).find((name) => columns.includes(name))
  if (column === undefined) throw new Error('its header does not show its kind; set --kind.')
  return kindOfColumn[column]
}

function readRecord(columns: readonly string[], record: readonly Buffer[], kind: Kind | undefined) {
  if (record.length !== columns.length) {
    return { fault: `The record has ${record.length} cells under ${columns.length} columns.` }
  }
  // Without a prototype, a column named __proto__ is an ordinary field.
  const fields: CsvFields = Object.assign(Object.create(null), kind && { kind })
  try {
    for (const [index, column] of columns.entries()) {
      const text = utf8.decode(record[index])
      if (text !== '') place(fields, column.split('.'), toValue(column, text))
    }
  } catch {
    return { fault: 'The record is not valid UTF-8.' }
  }
  return { fields }
}

interface CsvFields {
  [name: string]: unknown
}

function place(fields: CsvFields, [name = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) fields[name] = value
  else place((fields[name] ??= Object.create(null)) as CsvFields, rest, value)
}

function toValue(column: string, text: string): unknown {
  const isNumber = column === 'amount' || column.startsWith('model_parameters.')
  return isNumber && jsonNumber.test(text) ? rawNumber(text) : text
}
