import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Kind, kinds, type FileLine } from './file-line.ts'
import { readCsv } from './read-csv.ts'
import { readNdjson } from './read-ndjson.ts'

interface RowPlace {
  readonly file: string
  readonly line: number
}

/** A row to send. */
export interface Row extends RowPlace {
  readonly kind: Kind
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A line or row that was not stored, with the reason. */
export interface RefusedRow extends RowPlace {
  readonly kind?: Kind
  readonly id?: string
  readonly reason: string
}

/**
 * Reads the rows of an NDJSON or CSV file (.csv), possibly gzipped (.gz), and its unreadable lines. `kind` is the kind of rows
 * that do not name theirs. Throws if the file cannot be read to its end.
 */
export async function* readRows(file: string, kind?: Kind): AsyncGenerator<Row | RefusedRow> {
  // The import reads a file several times, which a pipe does not allow.
  if (!(await stat(file)).isFile()) throw new Error(`${file} is not a file.`)
  const source = open(file)
  const lines = /\.csv(?:\.gz)?$/i.test(file) ? readCsv(source, kind) : readNdjson(source)
  try {
    for await (const line of lines) yield toRow(file, line, kind)
  } catch (error) {
    throw new Error(`${file} cannot be read to its end:`, { cause: error })
  }
}

function open(file: string): Readable {
  const bytes = createReadStream(file)
  // An error of any of the streams reaches the reader of the last one.
  return /\.gz$/i.test(file) ? pipeline(bytes, createGunzip(), () => {}) : bytes
}

function toRow(file: string, line: FileLine, standard?: Kind): Row | RefusedRow {
  const place = { file, line: line.line }
  if ('fault' in line) return { ...place, reason: line.fault }
  const { kind: named = standard, ...body } = line.fields
  const kind = kinds.find((known) => known === named)
  if (kind === undefined) return { ...place, reason: `Its kind must be one of ${kinds.join(', ')}.` }
  const { id } = body
  if (typeof id !== 'string' || id === '') {
    return { ...place, kind, reason: 'It has no id. A second import needs the id to recognise the row.' }
  }
  return { ...place, kind, id, body }
}
