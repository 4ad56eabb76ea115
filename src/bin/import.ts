import { type FileHandle, open } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { SingleBar } from 'cli-progress'
import { toBatches } from '../import/batches.ts'
import { type Call, createCall } from '../import/call.ts'
import { readConnection } from '../import/connection.ts'
import { type Kind, kinds } from '../import/line.ts'
import { readRows, type Refusal, type Row } from '../import/rows.ts'
import { type Outcome, send } from '../import/send.ts'
import { formatTable } from '../import/table.ts'
import { loadEnvironment, run } from './environment.ts'

const usage = `Usage: npm run import -- FILE… [--url URL] [--kind KIND] [--report FILE] [--patience SECONDS]
Files are NDJSON or CSV (.csv), either of them also as .gz; KIND is one of ${kinds.join(', ')}. The key is API_KEY.`

const batchSizes: Readonly<Record<Kind, number>> = { partner: 100, event: 1000, deal: 100 }
const unreadable = 'unreadable'
const tallies = new Map<string, { stored: number; known: number; refused: number }>()
const bar = new SingleBar({
  stream: process.stderr,
  format: '{kind} {bar} {percentage} %  {value} of {total}',
})

interface Task {
  readonly files: readonly string[]
  readonly kind: Kind | undefined
  readonly call: Call
  /** Where refused rows are listed, if not on stdout. */
  readonly report: FileHandle | undefined
}

await run(async () => {
  const task = await readTask()
  try {
    const found = await survey(task)
    for (const kind of kinds) if (found[kind] > 0) await importKind(task, kind, found[kind])
  } finally {
    await task.report?.close()
    printTotals()
  }
})

async function readTask(): Promise<Task> {
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
  const connection = readConnection(values, process.env, loadEnvironment())
  const report = values.report === undefined ? undefined : await open(fromWhereTyped(values.report), 'w')
  const call = createCall({ ...connection, patienceMs: Number(values.patience) * 1000, say })
  return { files: positionals.map(fromWhereTyped), kind, call, report }
}

/** npm moves to the package's folder before it runs a script. */
function fromWhereTyped(file: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', file)
}

/** Reads everything before anything is sent: lines that hold no row are told, the others counted. */
async function survey(task: Task): Promise<Readonly<Record<Kind, number>>> {
  const found = { partner: 0, event: 0, deal: 0 }
  for (const file of task.files) {
    for await (const row of readRows(file, task.kind)) {
      if ('body' in row) found[row.kind] += 1
      else await tally(row.kind ?? unreadable, { stored: 0, known: 0, refused: [row] }, task)
    }
  }
  return found
}

async function importKind(task: Task, kind: Kind, total: number): Promise<void> {
  bar.start(total, 0, { kind: `${kind}s`.padEnd(8) })
  try {
    for (const file of task.files) {
      for await (const batch of toBatches(rowsOf(file, kind, task.kind), batchSizes[kind])) {
        await tally(kind, await send[kind](task.call, batch), task)
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

async function tally(kind: string, { stored, known, refused }: Outcome, { report }: Task): Promise<void> {
  const before = tallies.get(kind) ?? { stored: 0, known: 0, refused: 0 }
  tallies.set(kind, {
    stored: before.stored + stored,
    known: before.known + known,
    refused: before.refused + refused.length,
  })
  if (refused.length === 0) return
  const lines = refused.map(describe).join('\n')
  if (report !== undefined) return report.appendFile(`${lines}\n`)
  makeRoom()
  console.log(lines)
}

function printTotals(): void {
  const rows = [...kinds, unreadable].flatMap((kind) => {
    const tally = tallies.get(kind)
    return tally === undefined ? [] : [[kind, tally.stored, tally.known, tally.refused]]
  })
  if (rows.length > 0) console.log(formatTable(['', 'stored', 'already there', 'refused'], rows))
}

function describe({ file, line, kind, id, reason }: Refusal): string {
  const place = `${relative(fromWhereTyped('.'), file)}:${line}`
  const row = [kind, id].filter((word) => word !== undefined).join(' ')
  return [place, row, reason].filter((part) => part !== '').join(': ')
}

function say(sentence: string): void {
  makeRoom()
  console.error(sentence)
}

/** Wipes the bar off the line that is about to be printed; it draws itself again below. */
function makeRoom(): void {
  if (!bar.isActive || !process.stderr.isTTY) return
  process.stderr.clearLine(0)
  process.stderr.cursorTo(0)
}
