import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Encoding, encodingOfMark, encodings, guessEncoding, toUtf8 } from './encodings.ts'
import { toItemLines } from './json-items.ts'

/** How a file is written. What is not given is found out. */
export interface FileForm {
  readonly delimiter?: string | undefined
  readonly encoding?: Encoding | undefined
}

/** A file of which the form is known. It can be opened any number of times. */
export interface TextFile {
  /** Its name for people. */
  readonly name: string
  /** What one record is: a line of NDJSON, an item of a JSON array, or a row of CSV. */
  readonly record: 'line' | 'item' | 'row'
  readonly delimiter: string
  readonly encoding: Encoding
  /** Its text as UTF-8 without a mark; the items of an array are on one line each. */
  readonly open: () => AsyncIterable<Buffer>
}

const delimiterNames: Readonly<Record<string, string>> = { ',': 'commas', ';': 'semicolons', '\t': 'tabs' }
const csvName = /\.(?:csv|tsv|txt)(?:\.gz)?$/i
const jsonName = /\.(?:ndjson|jsonl|json)(?:\.gz)?$/i
const startBytes = 65_536
const workbooks = [Buffer.from('PK\u0003\u0004'), Buffer.from([0xd0, 0xcf, 0x11, 0xe0])]

/** Finds out how a file is written. Throws if it is no text file, or cannot be read. */
export async function inspectFile(path: string, name: string, given: FileForm): Promise<TextFile> {
  try {
    return await inspect(path, name, given)
  } catch (cause) {
    throw new Error(`${name} cannot be read:`, { cause })
  }
}

async function inspect(path: string, name: string, given: FileForm): Promise<TextFile> {
  // The import reads a file several times, which a pipe does not allow.
  if (!(await stat(path)).isFile()) throw new Error('it is not a file.')
  const start = await readStart(path)
  if (workbooks.some((magic) => start.subarray(0, 4).equals(magic))) throw new Error(workbook)
  const marked = given.encoding ?? encodingOfMark(start)
  const text = new TextDecoder(marked).decode(start).trimStart()
  const isCsv = csvName.test(name) || (!jsonName.test(name) && !/^[[{]/.test(text))
  const encoding = marked ?? (isCsv ? await guessEncoding(openBytes(path)) : 'utf-8')
  const open = () => toUtf8(openBytes(path), encoding)
  if (isCsv)
    return { name, record: 'row', delimiter: given.delimiter ?? guessDelimiter(text), encoding, open }
  const isArray = text.startsWith('[')
  return {
    name,
    record: isArray ? 'item' : 'line',
    delimiter: '',
    encoding,
    open: isArray ? () => toItemLines(open()) : open,
  }
}

/** Says in which form a CSV file is read. */
export function describeForm({ delimiter, encoding }: TextFile): string {
  return `CSV with ${delimiterNames[delimiter] ?? delimiter}, ${encodings[encoding]}`
}

function openBytes(path: string): Readable {
  const bytes = createReadStream(path)
  // An error of any of the streams reaches the reader of the last one.
  return /\.gz$/i.test(path) ? pipeline(bytes, createGunzip(), () => {}) : bytes
}

async function readStart(path: string): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of openBytes(path)) {
    parts.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length >= startBytes) break
  }
  return Buffer.concat(parts)
}

/** The delimiter that the header has most often outside of quotes. */
function guessDelimiter(start: string): string {
  const [header = ''] = start.replace(/"[^"]*"/g, '').split(/\r|\n/, 1)
  const counts = Object.keys(delimiterNames).map((name) => [name, header.split(name).length] as const)
  return counts.reduce((most, other) => (other[1] > most[1] ? other : most))[0]
}

const workbook =
  'it is an Excel workbook, and the import reads CSV. In Excel, choose File > Save As > "CSV UTF-8 (Comma delimited)"; in ' +
  'LibreOffice, File > Save As > "Text CSV"; in Google Sheets, File > Download > "Comma Separated Values". Then import that file.'
