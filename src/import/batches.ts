import type { Row } from './rows.ts'

// What the service takes in one request, with room for what goes around the rows.
const mostBytes = 900_000

/** Cuts rows into batches that the service takes: so many at most, and no more bytes than it reads. */
export async function* toBatches(rows: AsyncIterable<Row>, most: number): AsyncGenerator<readonly Row[]> {
  let batch: Row[] = []
  let bytes = 0
  for await (const row of rows) {
    const size = Buffer.byteLength(JSON.stringify(row.body)) + 1
    if (batch.length === most || (batch.length > 0 && bytes + size > mostBytes)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(row)
    bytes += size
  }
  if (batch.length > 0) yield batch
}
