import type { Row } from './make-rows.ts'

// The service accepts 1 MB in a request; this leaves room for the JSON around the rows.
const mostBytes = 900_000

/** Cuts rows into batches of at most `most` rows and 900 kB, so that each fits into one request. */
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
