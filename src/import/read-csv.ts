import { pipeline } from 'node:stream'
import { parse } from 'csv-parse'
import type { FileLine } from './file-line.ts'

interface CsvRecord {
  readonly record: readonly Buffer[]
  readonly info: { readonly bytes: number; readonly records: number }
}

interface BrokenRecord {
  /** How many whole records are before it. */
  readonly after: number
  /** The offset of the cell with the fault. */
  readonly bytes: number
  readonly fault: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
const newline = 0x0a
const faults: Readonly<Record<string, string>> = {
  INVALID_OPENING_QUOTE:
    'A quote stands in a cell that does not begin with one. Put the cell in quotes and double the quote.',
  CSV_INVALID_CLOSING_QUOTE: 'A quote in a quoted cell must be double.',
  CSV_QUOTE_NOT_CLOSED: 'A quote is not closed.',
  CSV_MAX_RECORD_SIZE: 'The record is longer than 1 MB.',
}

/** The header of a CSV file, and its records. */
export interface CsvTable {
  readonly columns: readonly string[]
  readonly records: AsyncIterable<FileLine>
}

/** Reads delimited values with a header, as UTF-8. An empty cell is left out. Throws if there is no header. */
export async function openCsv(source: AsyncIterable<Buffer>, delimiter: string): Promise<CsvTable> {
  const lines = countLines()
  const broken: BrokenRecord[] = []
  const parser = parse({
    delimiter,
    encoding: null,
    info: true,
    // With tabs, it would remove empty cells.
    ltrim: delimiter !== '\t',
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: 1_048_576,
    on_skip: (error) =>
      void broken.push({
        after: Number(error?.['records']),
        bytes: Number(error?.['bytes']),
        fault: faults[error?.code ?? ''] ?? `${error?.message}.`,
      }),
  })
  // An error of any of the streams reaches the reader of the last one.
  const parsed: AsyncIterable<CsvRecord> = pipeline(source, lines.watch, parser, () => {})
  const reading = parsed[Symbol.asyncIterator]()
  const first = await reading.next()
  if (first.done === true) throw new Error('it has no header.')
  if (broken[0]?.after === 0) throw new Error(`its header is broken. ${broken[0].fault}`)
  lines.endOf(first.value.info.bytes)
  const columns = first.value.record.map((cell) => utf8.decode(cell).trim())

  /** The broken records before the whole one of this number, by line; a record may have several faults. */
  function takeBroken(records: number): ReadonlyMap<number, string> {
    const taken = new Map<number, string>()
    for (let [next] = broken; next !== undefined && next.after < records; [next] = broken) {
      const line = lines.startOf(next.bytes)
      if (!taken.has(line)) taken.set(line, next.fault)
      broken.shift()
    }
    return taken
  }

  async function* read(): AsyncGenerator<FileLine> {
    for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
      const { record, info } = next.value
      const skipped = takeBroken(info.records)
      const last = lines.endOf(info.bytes)
      const line = last - record.reduce((sum, cell) => sum + countNewlines(cell), 0)
      yield* describeBroken(skipped, line)
      yield { line, last, ...readRecord(columns, record) }
    }
    yield* describeBroken(takeBroken(Infinity), Infinity)
  }
  return { columns, records: read() }
}

/** Each broken record ends where the next record begins. */
function* describeBroken(skipped: ReadonlyMap<number, string>, next: number): Generator<FileLine> {
  const starts = [...skipped.keys()]
  for (const [index, line] of starts.entries())
    yield { line, last: (starts[index + 1] ?? next) - 1, fault: skipped.get(line) ?? '' }
}

/** Finds the line of an offset. The parser's own count takes a CRLF inside of quotes for two lines. */
function countLines() {
  const chunks: { readonly start: number; readonly chunk: Buffer }[] = []
  let [received, seen, line] = [0, 0, 0]
  let isWhole = true

  async function* watch(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      chunks.push({ start: received, chunk })
      received += chunk.length
      yield chunk
    }
  }

  function advance(offset: number): void {
    for (let [first] = chunks; first !== undefined && seen < offset; [first] = chunks) {
      const part = first.chunk.subarray(seen - first.start, offset - first.start)
      line += countNewlines(part)
      seen += part.length
      if (part.length > 0) isWhole = part.at(-1) === newline
      if (seen === first.start + first.chunk.length) chunks.shift()
    }
  }

  return {
    watch,
    /** The line that begins at the offset, or holds it. Offsets grow from call to call. */
    startOf(offset: number): number {
      advance(offset)
      return line + 1
    },
    /** The line that ends at the offset. The last line of a file may have no line break. */
    endOf(offset: number): number {
      advance(offset)
      return isWhole ? line : line + 1
    },
  }
}

function countNewlines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) count += 1
  return count
}

function readRecord(columns: readonly string[], record: readonly Buffer[]) {
  if (record.length !== columns.length)
    return { fault: `The record has ${record.length} cells under ${columns.length} columns.` }
  // Without a prototype, a column named __proto__ is an ordinary one.
  const values: Record<string, string> = Object.create(null)
  try {
    for (const [index, column] of columns.entries()) {
      const text = utf8.decode(record[index])
      if (text !== '') values[column] = text
    }
  } catch {
    return { fault: 'The record is not valid UTF-8.' }
  }
  return { values }
}
