import type { Row } from './make-rows.ts'

/** Rows, and the line of each as it is sent. */
export interface Batch {
  readonly rows: readonly Row[]
  readonly lines: readonly string[]
}

// A larger body takes the service longer than an import should wait for one answer.
const mostRows = 2000
const mostBytes = 900_000

/** Cuts rows into batches of at most 2,000 rows and 900 kB. */
export async function* toBatches(rows: AsyncIterable<Row>): AsyncGenerator<Batch> {
  let batch = { rows: [] as Row[], lines: [] as string[] }
  let bytes = 0
  for await (const row of rows) {
    const line = `{"kind":"${row.kind}",${JSON.stringify(row.body).slice(1)}\n`
    const size = Buffer.byteLength(line)
    if (batch.rows.length === mostRows || (batch.rows.length > 0 && bytes + size > mostBytes)) {
      yield batch
      batch = { rows: [], lines: [] }
      bytes = 0
    }
    batch.rows.push(row)
    batch.lines.push(line)
    bytes += size
  }
  if (batch.rows.length > 0) yield batch
}
