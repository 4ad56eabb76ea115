import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createLineSplitter } from '../values/lines.ts'
import type { TextFile } from './inspect-file.ts'
import { refusalColumn } from './row-plan.ts'

/** The lines of a file that hold a refused row, and why it was refused. */
interface RefusedLines {
  readonly line: number
  readonly last: number
  readonly reason: string
}

/** A file that was read, with its refused rows. */
interface ReadFile {
  readonly file: TextFile
  readonly columns: readonly string[]
  readonly refused: readonly RefusedLines[]
}

const longest = 1_048_576
const mark = '\ufeff'

/** Throws if the refused rows of these files cannot stand in one file. */
export function confirmOneForm(files: readonly Omit<ReadFile, 'refused'>[]): void {
  const forms = files.map(({ file, columns }) =>
    file.record === 'row' ? JSON.stringify([file.delimiter, columns]) : 'JSON',
  )
  if (new Set(forms).size > 1)
    throw new Error('--refused takes files with the same columns: import the others in a run of their own.')
}

/** Writes the refused rows as they stand in their files, so that they can be mended and imported again. CSV gets a column with the reasons. */
export async function writeRefused(path: string, files: readonly ReadFile[]): Promise<void> {
  await pipeline(linesOf(files), createWriteStream(path))
}

async function* linesOf(files: readonly ReadFile[]): AsyncGenerator<Buffer | string> {
  const [first] = files
  if (first?.file.record === 'row') yield headerOf(first)
  for (const { file, columns, refused } of files) {
    const sorted = mergeReasons(refused)
    const isCsv = file.record === 'row'
    let next = 0
    for await (const { line, text } of numberLines(file)) {
      while ((sorted[next]?.last ?? Infinity) < line) next += 1
      const row = sorted[next]
      if (row === undefined) break
      if (line < row.line) continue
      if (isCsv && line === row.line) yield* startRow(row.reason, text, file.delimiter, columns)
      else yield Buffer.from(text)
      yield '\n'
    }
  }
}

function headerOf({ file, columns }: ReadFile): string {
  const names = columns.filter((column) => column !== refusalColumn)
  return `${mark}${[refusalColumn, ...names].map(quote).join(file.delimiter)}\n`
}

/** The reason, and the row without the reason that an earlier run wrote. */
function* startRow(reason: string, text: Buffer, delimiter: string, columns: readonly string[]) {
  yield `${quote(reason)}${delimiter}`
  const earlier = new RegExp(`^(?:"(?:[^"]|"")*"|[^"${delimiter}]*)${delimiter}`)
  yield columns[0] === refusalColumn ? text.toString().replace(earlier, '') : Buffer.from(text)
}

/** One entry for each line: a wide row may be refused for several reasons. */
function mergeReasons(refused: readonly RefusedLines[]): readonly RefusedLines[] {
  const merged = [...Map.groupBy(refused, ({ line }) => line).values()].map((rows) => ({
    line: rows[0]!.line,
    last: Math.max(...rows.map(({ last }) => last)),
    reason: rows.map(({ reason }) => reason).join(' '),
  }))
  return merged.sort((a, b) => a.line - b.line)
}

async function* numberLines({ open }: TextFile) {
  const { split, rest } = createLineSplitter(longest)
  let line = 0
  for await (const chunk of open()) for (const text of split(chunk)) yield { line: (line += 1), text }
  if (rest().length > 0) yield { line: line + 1, text: rest() }
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
