import type { Fault } from '../errors.ts'
import { errorCodes } from '../values/problem.ts'
import type { LineResult } from './line-kind.ts'
import type { LinesReport, RefusedLine } from './schemas.ts'

const mostRefusals = 1000
const mostBytes = 262_144
const mostFaults = 10
const longestPointer = 256
const longestDetail = 512

/** Counts the results of lines and lists the first refused ones, up to 1,000 and 256 kB; lines are added in order. */
export function createReport() {
  const counts = { created: 0, changed: 0, unchanged: 0, refused: 0 }
  const refusals: RefusedLine[] = []
  let bytes = 0
  let isFull = false

  function list(line: number, error: Error): void {
    const text = JSON.stringify(toRefusal(line, error))
    bytes += Buffer.byteLength(text)
    isFull = refusals.length === mostRefusals || bytes > mostBytes
    // Parsed from its own JSON text: a slice of a long string would keep the whole string in memory.
    if (!isFull) refusals.push(JSON.parse(text) as RefusedLine)
  }

  return {
    add(line: number, result: LineResult): void {
      counts[result instanceof Error ? 'refused' : result] += 1
      if (result instanceof Error && !isFull) list(line, result)
    },
    read: (): LinesReport => ({ ...counts, refusals }),
  }
}

function toRefusal(line: number, error: Error): RefusedLine {
  const { code = '', message, faults = [] } = error as NodeJS.ErrnoException & { faults?: readonly Fault[] }
  const known = code.toLowerCase()
  if (!errorCodes.includes(known))
    return { line, code: 'malformed_request', detail: 'The line cannot be read.', errors: [] }
  return {
    line,
    code: known,
    // Some error messages are about a whole JSON body.
    detail: abridge(message.replace(/^The body/, 'The line'), longestDetail),
    errors: faults.slice(0, mostFaults).map(({ pointer, detail }) => ({
      pointer: abridge(pointer, longestPointer),
      detail: abridge(detail, longestDetail),
    })),
  }
}

function abridge(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`
}
