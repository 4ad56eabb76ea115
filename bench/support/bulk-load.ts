import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type { Listener } from '../../test/support/child-processes.ts'
import type { TestBed } from './test-bed.ts'

const execute = promisify(execFile)

interface Files {
  readonly ndjson: string
  readonly csv: string
}

/** Writes the same events as lines of an import and as rows for COPY. */
export async function writeEvents({ folder }: TestBed, name: string, count: number): Promise<Files> {
  const [ndjson, csv] = [join(folder, `${name}.ndjson`), join(folder, `${name}.csv`)]
  await writeFile(
    ndjson,
    linesOf(name, count, (event) => JSON.stringify(event)),
  )
  await writeFile(
    csv,
    linesOf(name, count, (event) => {
      const { id, deal_id, partner_id, touchpoint_type, timestamp, metadata } = event
      const text = `"${JSON.stringify(metadata).replaceAll('"', '""')}"`
      return [
        id,
        deal_id,
        partner_id,
        touchpoint_type,
        timestamp,
        timestamp.slice(0, 10),
        text,
        1,
        `\\x${hash('sha256', id)}`,
      ].join(',')
    }),
  )
  return { ndjson, csv }
}

function* linesOf(name: string, count: number, format: (event: ReturnType<typeof eventOf>) => string) {
  for (let from = 0; from < count; from += 1000) {
    const some = Array.from({ length: Math.min(1000, count - from) }, (_, n) =>
      format(eventOf(name, from + n)),
    )
    yield `${some.join('\n')}\n`
  }
}

function eventOf(name: string, n: number) {
  return {
    id: `${name}-${n}`,
    deal_id: `${name}-${n % 50_000}`,
    partner_id: `p${(n * 7) % 500}`,
    touchpoint_type: 'demo',
    timestamp: new Date(1_735_689_600_000 + (n % 86_400) * 1000).toISOString(),
    metadata: { source: 'bench', n },
  }
}

/** Seconds that the service takes for an import. */
export async function importFile(
  { key }: TestBed,
  { address }: Listener,
  { file, count }: { readonly file: string; readonly count: number },
): Promise<number> {
  const begin = performance.now()
  const answer = await fetch(`${address}/events/import`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/x-ndjson' },
    body: Readable.toWeb(createReadStream(file)) as ReadableStream,
    duplex: 'half',
  })
  const report = (await answer.json()) as { accepted?: number }
  if (report.accepted !== count) throw new Error(`The import failed: ${JSON.stringify(report).slice(0, 500)}`)
  return (performance.now() - begin) / 1000
}

/** Seconds that psql takes to COPY the same rows into a table with the same columns, keys and indexes. */
export async function copyFile({ ownerUrl }: TestBed, file: string): Promise<number> {
  const columns =
    'id, deal_id, partner_id, touchpoint_type, timestamp, happened_on, metadata, known_from, submission'
  const { hostname, port, username, password, pathname } = new URL(ownerUrl)
  // Every user of the machine could read arguments.
  const env = {
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: pathname.slice(1),
  }
  const begin = performance.now()
  await execute('psql', ['-q', '-c', `\\copy naive_events (${columns}) from '${file}' csv`], {
    env: { ...process.env, ...env },
  })
  return (performance.now() - begin) / 1000
}

/** The peak resident memory of a process on Linux, in MB. */
export async function readPeakMemory({ child }: Listener): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
