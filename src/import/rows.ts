import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Kind, kinds, type Line } from './line.ts'
import { readCsv } from './read-csv.ts'
import { readNdjson } from './read-ndjson.ts'

interface Place {
  readonly file: string
  readonly line: number
}

export interface Row extends Place {
  readonly kind: Kind
  readonly id: string
  readonly body: Readonly<Record<string, unknown>>
}

/** A row that is not in, and why. */
export interface Refusal extends Place {
  readonly kind?: Kind
  readonly id?: string
  readonly reason: string
}

/** The rows of a file as they are read, and the lines that hold none. `kind` is for files that do not say theirs. */
export async function* readRows(file: string, kind?: Kind): AsyncGenerator<Row | Refusal> {
  // A pipe could be read only once, and each kind is a reading of its own.
  if (!(await stat(file)).isFile()) throw new Error(`${file} is not a file.`)
  const source = open(file)
  const lines = /\.csv(?:\.gz)?$/i.test(file) ? readCsv(source, kind) : readNdjson(source)
  try {
    for await (const line of lines) yield toRow(file, line, kind)
  } catch (error) {
    throw new Error(`${file} cannot be read on:`, { cause: error })
  }
}

function open(file: string): Readable {
  const bytes = createReadStream(file)
  // The reader of the last stream meets what goes wrong in any.
  return /\.gz$/i.test(file) ? pipeline(bytes, createGunzip(), () => {}) : bytes
}

function toRow(file: string, line: Line, standard?: Kind): Row | Refusal {
  const place = { file, line: line.line }
  if ('fault' in line) return { ...place, reason: line.fault }
  const { kind: named = standard, ...body } = line.fields
  const kind = kinds.find((known) => known === named)
  if (kind === undefined) return { ...place, reason: `Its kind must be one of ${kinds.join(', ')}.` }
  const { id } = body
  if (typeof id !== 'string' || id === '') {
    return { ...place, kind, reason: 'It has no id of yours, by which a second run would know it.' }
  }
  return { ...place, kind, id, body }
}
