const newline = 0x0a

/**
 * Splits chunks of bytes into lines at line feeds. A line is valid until the next one is read. A line longer than `longest`
 * bytes is cut to `longest + 1`, so that the caller can see that it is too long.
 */
export function createLineSplitter(longest: number) {
  // One buffer for all lines: concatenating chunks of one byte would copy the line again for each byte.
  const begun = Buffer.allocUnsafe(longest + 1)
  let length = 0
  const keep = (part: Buffer) => {
    length += part.copy(begun, length)
  }
  const takeBegun = () => {
    const line = begun.subarray(0, length)
    length = 0
    return line
  }

  function* split(chunk: Buffer): Generator<Buffer> {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      const part = chunk.subarray(start, end)
      start = end + 1
      if (length === 0) {
        yield part
        continue
      }
      keep(part)
      yield takeBegun()
    }
    keep(chunk.subarray(start))
  }

  return { split, rest: () => begun.subarray(0, length) }
}
