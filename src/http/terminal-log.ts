import { stripVTControlCharacters, styleText } from 'node:util'
import type { DestinationStream } from 'pino'

interface Fault {
  readonly type: string
  readonly message?: string
  readonly stack?: string
  readonly cause?: Fault
}

interface Entry {
  readonly level: number
  readonly time: number
  readonly msg?: string
  readonly err?: Fault
}

type Style = Parameters<typeof styleText>[0]

/** The level of pino, its name and its style, highest first. */
const levels: readonly (readonly [number, string, Style])[] = [
  [60, 'FATAL', 'red'],
  [50, 'ERROR', 'red'],
  [40, 'WARN', 'yellow'],
  [30, 'INFO', 'green'],
  [0, 'DEBUG', 'gray'],
]

/** Writes each JSON line of the log as a line for people: time, level, message, then the other fields. */
export function createTerminalLog(terminal: NodeJS.WritableStream): DestinationStream {
  return { write: (line) => void terminal.write(`${formatEntry(line)}\n`) }
}

function formatEntry(line: string): string {
  const {
    level,
    time,
    msg = '',
    err,
    pid,
    hostname,
    ...rest
  } = JSON.parse(line) as Entry & Record<string, unknown>
  const [, name, style] = levels.find(([lowest]) => level >= lowest) ?? levels[0]!
  const clock = new Date(time).toTimeString().slice(0, 8)
  const fields = Object.entries(rest).map(([field, value]) => `${field}=${formatValue(value)}`)
  const words = [clock, styleText(style, name.padEnd(5)), clean(msg), styleText('dim', fields.join(' '))]
  return [words.join(' ').trimEnd(), ...listFaults(err)].join('\n')
}

function formatValue(value: unknown): string {
  return typeof value === 'string' ? clean(value) : JSON.stringify(value)
}

function listFaults(fault: Fault | undefined): string[] {
  if (fault === undefined) return []
  return [clean(fault.stack ?? fault.message ?? fault.type), ...listFaults(fault.cause)]
}

/** A message of an error may contain what a client sent, which must not control the terminal. */
function clean(text: string): string {
  return stripVTControlCharacters(text)
}
