import type { FastifyBaseLogger } from 'fastify'
import { createLog } from '../../src/http/log.ts'

/** A log that drops every line. */
export const quietLog = { error: () => {}, debug: () => {} }

type Line = Readonly<Record<string, unknown>>

/** The production log, captured in memory. */
export function captureLog(level = 'trace') {
  const written: string[] = []
  const log: FastifyBaseLogger = createLog(level, { write: (line: string) => void written.push(line) })
  return {
    log,
    text: () => written.join(''),
    lines: (): readonly Line[] => written.map((line) => JSON.parse(line) as Line),
  }
}
