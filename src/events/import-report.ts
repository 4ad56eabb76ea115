import type { Fault } from '../errors.ts'
import { errorCodes } from '../values/problem.ts'
import type { Ingested } from './ingest.ts'
import type { ImportReport, RefusedLine } from './schemas.ts'

const mostRefusals = 1000
const mostBytes = 262_144
const mostFaults = 10
const longestPointer = 256
const longestDetail = 512

/** Counts the results of lines and lists the first refused ones, up to 1,000 and 256 kB; lines are added in order. */
export function createReport() {
  const counts = { accepted: 0, duplicates: 0, refused: 0 }
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
    add(line: number, result: Ingested | Error): void {
      const error = result instanceof Error ? result : 'refusal' in result ? result.refusal : undefined
      if (error !== undefined) {
        counts.refused += 1
        if (!isFull) list(line, error)
      } else counts[(result as { isNew: boolean }).isNew ? 'accepted' : 'duplicates'] += 1
    },
    read: (): ImportReport => ({ ...counts, refusals }),
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
