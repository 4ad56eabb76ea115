const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
const [quote, backslash, comma, newline, carriageReturn, space] = [0x22, 0x5c, 0x2c, 0x0a, 0x0d, 0x20]

/**
 * The items of a JSON array, one on each line, so that an array is read as NDJSON. JSON has no line break inside of a text, so
 * each line break may become a space. Throws if the array does not end.
 */
export async function* toItemLines(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let depth = 0
  let isText = false
  let isEscaped = false
  for await (const chunk of source) {
    const lines = Buffer.from(chunk)
    for (const [at, byte] of chunk.entries()) {
      if (isText) {
        if (isEscaped) isEscaped = false
        else if (byte === backslash) isEscaped = true
        else if (byte === quote) isText = false
        continue
      }
      if (byte === quote) isText = true
      else if (byte === openBracket || byte === openBrace) depth += 1
      else if (byte === closeBracket || byte === closeBrace) depth -= 1
      if (byte === newline || byte === carriageReturn) lines[at] = space
      if (depth === 1 && byte === comma) lines[at] = newline
      const isBracket = (depth === 1 && byte === openBracket) || (depth === 0 && byte === closeBracket)
      if (isBracket) lines[at] = space
    }
    yield lines
  }
  if (depth !== 0) throw new Error('the JSON array does not end.')
}
