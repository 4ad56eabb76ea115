import { createLineSplitter } from '../values/lines.ts'
import { type Line, rawNumber } from './line.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
// More than the service takes in one request.
const longest = 1_048_576

/** The objects of newline-delimited JSON; blank lines hold none. */
export async function* readNdjson(source: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  // By bytes: readline would also split at U+2028, which a JSON string may hold.
  const { split, rest } = createLineSplitter(longest)
  let line = 0
  for await (const chunk of source) {
    for (const bytes of split(chunk)) {
      line += 1
      const parsed = parseLine(bytes)
      if (parsed !== undefined) yield { line, ...parsed }
    }
  }
  const parsed = parseLine(rest())
  if (parsed !== undefined) yield { line: line + 1, ...parsed }
}

function parseLine(
  bytes: Buffer,
): { readonly fields: Record<string, unknown> } | { readonly fault: string } | undefined {
  if (bytes.length > longest) return { fault: 'The line is longer than 1 MB.' }
  try {
    const text = utf8.decode(bytes)
    if (text.trim() === '') return undefined
    const value: unknown = JSON.parse(text, keepDigits)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { fields: { ...value } }
    return { fault: 'The line is not a JSON object.' }
  } catch (error) {
    return { fault: error instanceof SyntaxError ? 'The line is not JSON.' : 'The line is not UTF-8.' }
  }
}

/** Numbers are sent on digit by digit: whether they can be kept is for the service to say. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  return String(value) === context.source ? value : rawNumber(context.source)
}
