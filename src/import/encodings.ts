import { isAscii, isUtf8 } from 'node:buffer'
import { createLineSplitter } from '../values/lines.ts'

/** The encodings that `--encoding` takes, with the names that people know. */
export const encodings = {
  'utf-8': 'UTF-8',
  'utf-16le': 'UTF-16',
  'utf-16be': 'UTF-16',
  'windows-1252': 'Windows-1252',
} as const
export type Encoding = keyof typeof encodings

const marks: readonly (readonly [Encoding, Buffer])[] = [
  ['utf-8', Buffer.from([0xef, 0xbb, 0xbf])],
  ['utf-16le', Buffer.from([0xff, 0xfe])],
  ['utf-16be', Buffer.from([0xfe, 0xff])],
]
const longest = 1_048_576

/** The encoding that the byte order mark at the start of a file names. */
export function encodingOfMark(start: Buffer): Encoding | undefined {
  return marks.find(([, mark]) => start.subarray(0, mark.length).equals(mark))?.[0]
}

/**
 * The encoding of a file without a mark. Text in Windows-1252 is almost never valid UTF-8, so the lines that are not ASCII
 * decide. A UTF-8 file with a few damaged lines stays UTF-8.
 */
export async function guessEncoding(source: AsyncIterable<Buffer>): Promise<Encoding> {
  const { split, rest } = createLineSplitter(longest)
  let valid = 0
  let invalid = 0
  const count = (line: Buffer) => {
    if (isAscii(line)) return
    if (isUtf8(line)) valid += 1
    else invalid += 1
  }
  for await (const chunk of source) for (const line of split(chunk)) count(line)
  count(rest())
  return invalid > valid ? 'windows-1252' : 'utf-8'
}

/** The bytes of a file as UTF-8 without a mark. Bytes that are not valid UTF-8 stay as they are; readers refuse their records. */
export async function* toUtf8(source: AsyncIterable<Buffer>, encoding: Encoding): AsyncGenerator<Buffer> {
  if (encoding === 'utf-8') {
    yield* withoutMark(source)
    return
  }
  // Removes the mark of UTF-16. Throws for half a character.
  const decoder = new TextDecoder(encoding, { fatal: true })
  for await (const chunk of source) yield Buffer.from(decoder.decode(chunk, { stream: true }))
  yield Buffer.from(decoder.decode())
}

async function* withoutMark(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const chunk of source) {
    yield isFirst && encodingOfMark(chunk) === 'utf-8' ? chunk.subarray(3) : chunk
    isFirst = false
  }
}
