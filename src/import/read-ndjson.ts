import { createLineSplitter } from '../values/lines.ts'
import { type FileLine, rawNumber } from './file-line.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
// The service accepts no more in one request.
const longest = 1_048_576

/** Reads newline-delimited JSON objects. Blank lines are skipped. */
export async function* readNdjson(source: AsyncIterable<Buffer>): AsyncGenerator<FileLine> {
  // Not with readline, which also splits at U+2028; a JSON string may contain it.
  const { split, rest } = createLineSplitter(longest)
  let line = 0
  for await (const chunk of source) {
    for (const bytes of split(chunk)) {
      line += 1
      const parsed = parseLine(bytes)
      if (parsed !== undefined) yield { line, last: line, ...parsed }
    }
  }
  const parsed = parseLine(rest())
  if (parsed !== undefined) yield { line: line + 1, last: line + 1, ...parsed }
}

function parseLine(
  bytes: Buffer,
): { readonly values: Record<string, unknown> } | { readonly fault: string } | undefined {
  if (bytes.length > longest) return { fault: 'The line is longer than 1 MB.' }
  try {
    const text = utf8.decode(bytes)
    if (text.trim() === '') return undefined
    const value: unknown = JSON.parse(text, keepDigits)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { values: { ...value } }
    return { fault: 'The line is not a JSON object.' }
  } catch (error) {
    return {
      fault: error instanceof SyntaxError ? 'The line is not valid JSON.' : 'The line is not valid UTF-8.',
    }
  }
}

/** Keeps the digits of numbers that a double would change. The service decides whether it can store them. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value
  return String(value) === context.source ? value : rawNumber(context.source)
}
