import { type FileHandle, open } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { toBatches } from '../import/batches.ts'
import { type CallApi, createApiClient } from '../import/api-client.ts'
import { readServiceAccess } from '../import/service-access.ts'
import { type Kind, kinds } from '../import/file-line.ts'
import { readRows, type RefusedRow, type Row } from '../import/read-rows.ts'
import { type SendResult, sendRows } from '../import/send-rows.ts'
import { formatTable } from '../import/format-table.ts'
import { loadEnvironment, run } from './environment.ts'

const usage = `Usage: npm run import -- FILE… [--url URL] [--kind KIND] [--report FILE] [--patience SECONDS]
Files are NDJSON or CSV (.csv), also gzipped (.gz). KIND is one of ${kinds.join(', ')}. Set the API key as API_KEY.`

const batchSizes: Readonly<Record<Kind, number>> = { partner: 100, event: 1000, deal: 100 }
const unreadable = 'unreadable'
const totals = new Map<string, { stored: number; known: number; refused: number }>()
const bar = new SingleBar({
  stream: process.stderr,
  format: '{kind} {bar} {percentage} %  {value} of {total}',
})

interface ImportTask {
  readonly files: readonly string[]
  readonly kind: Kind | undefined
  readonly call: CallApi
  /** The file that lists refused rows; without it they go to stdout. */
  readonly report: FileHandle | undefined
}

await run(async () => {
  const task = await readTask()
  try {
    const found = await countRows(task)
    for (const kind of kinds) if (found[kind] > 0) await importKind(task, kind, found[kind])
  } finally {
    await task.report?.close()
    printTotals()
  }
})

async function readTask(): Promise<ImportTask> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      key: { type: 'string' },
      kind: { type: 'string' },
      report: { type: 'string' },
      patience: { type: 'string', default: '60' },
    },
  })
  const kind = kinds.find((known) => known === values.kind)
  if (positionals.length === 0 || values.kind !== kind || !/^\d{1,6}$/.test(values.patience))
    throw new Error(usage)
  const connection = readServiceAccess(values, process.env, loadEnvironment())
  const report = values.report === undefined ? undefined : await open(resolveFromUser(values.report), 'w')
  const call = createApiClient({ ...connection, patienceMs: Number(values.patience) * 1000, notify })
  return { files: positionals.map(resolveFromUser), kind, call, report }
}

/** Resolves a path from the folder in which the user ran npm, which runs scripts in the folder of the package. */
function resolveFromUser(file: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', file)
}

/** Reads all files before anything is sent: reports unreadable lines and counts the rows of each kind. */
async function countRows(task: ImportTask): Promise<Readonly<Record<Kind, number>>> {
  const found = { partner: 0, event: 0, deal: 0 }
  for (const file of task.files) {
    for await (const row of readRows(file, task.kind)) {
      if ('body' in row) found[row.kind] += 1
      else await addToTotals(row.kind ?? unreadable, { stored: 0, known: 0, refused: [row] }, task)
    }
  }
  return found
}

async function importKind(task: ImportTask, kind: Kind, total: number): Promise<void> {
  bar.start(total, 0, { kind: `${kind}s`.padEnd(8) })
  try {
    for (const file of task.files) {
      for await (const batch of toBatches(rowsOf(file, kind, task.kind), batchSizes[kind])) {
        await addToTotals(kind, await sendRows[kind](task.call, batch), task)
        bar.increment(batch.length)
      }
    }
  } finally {
    bar.stop()
  }
}

async function* rowsOf(file: string, kind: Kind, standard: Kind | undefined): AsyncGenerator<Row> {
  for await (const row of readRows(file, standard)) if ('body' in row && row.kind === kind) yield row
}

async function addToTotals(
  kind: string,
  { stored, known, refused }: SendResult,
  { report }: ImportTask,
): Promise<void> {
  const before = totals.get(kind) ?? { stored: 0, known: 0, refused: 0 }
  totals.set(kind, {
    stored: before.stored + stored,
    known: before.known + known,
    refused: before.refused + refused.length,
  })
  if (refused.length === 0) return
  const lines = refused.map(describe).join('\n')
  if (report !== undefined) return report.appendFile(`${lines}\n`)
  clearBar()
  console.log(lines)
}

function printTotals(): void {
  const rows = [...kinds, unreadable].flatMap((kind) => {
    const total = totals.get(kind)
    return total === undefined ? [] : [[kind, total.stored, total.known, total.refused]]
  })
  if (rows.length > 0) console.log(formatTable(['', 'stored', 'already there', 'refused'], rows))
}

function describe({ file, line, kind, id, reason }: RefusedRow): string {
  const location = `${relative(resolveFromUser('.'), file)}:${line}`
  const row = [kind, id].filter((word) => word !== undefined).join(' ')
  return [location, row, reason].filter((part) => part !== '').join(': ')
}

function notify(sentence: string): void {
  clearBar()
  console.error(sentence)
}

/** Clears the progress bar before a line is printed. It is drawn again below the line. */
function clearBar(): void {
  if (!bar.isActive || !process.stderr.isTTY) return
  process.stderr.clearLine(0)
  process.stderr.cursorTo(0)
}
