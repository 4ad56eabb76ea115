import type { Line } from './rows.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })
const newline = 0x0a
// More than the service takes in one request.
const longest = 1_048_576

/** The objects of newline-delimited JSON; blank lines hold none. */
export async function* readNdjson(source: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let line = 0
  for await (const bytes of splitLines(source)) {
    line += 1
    const parsed = parseLine(bytes)
    if (parsed !== undefined) yield { line, ...parsed }
  }
}

/** By bytes: readline would also split at U+2028, which JSON may hold in a string. */
async function* splitLines(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let begun = Buffer.alloc(0)
  for await (const chunk of source) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      yield Buffer.concat([begun, chunk.subarray(start, end)])
      begun = Buffer.alloc(0)
      start = end + 1
    }
    // What exceeds the limit is dropped as it comes, and the line refused for its length.
    const room = Math.max(0, longest + 1 - begun.length)
    begun = Buffer.concat([begun, chunk.subarray(start, start + room)])
  }
  if (begun.length > 0) yield begun
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

/** A number that JSON.stringify writes as it is written here. */
export function rawNumber(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
