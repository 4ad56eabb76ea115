const newline = 0x0a

/**
 * Splits chunks of bytes into lines at line feeds. A line is valid until the next one is taken. Of a line longer than
 * `longest` bytes, `longest + 1` are kept, so that the caller can tell that it is too long.
 */
export function createLineSplitter(longest: number) {
  // One buffer for all lines: concatenating chunks of one byte would copy each line as often as it has bytes.
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
