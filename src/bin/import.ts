import { createWriteStream } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Batch, toBatches } from '../import/batches.ts'
import { createApiClient, type CallApi } from '../import/api-client.ts'
import { type Kind, kinds } from '../import/file-line.ts'
import { describeForm, type FileForm, inspectFile, type TextFile } from '../import/inspect-file.ts'
import type { RefusedRow, Row } from '../import/make-rows.ts'
import { readMapFile } from '../import/map-file.ts'
import { does, type ImportOptions, importOptions, readForm } from '../import/options.ts'
import { createProgress } from '../import/progress.ts'
import { openRows } from '../import/read-rows.ts'
import { confirmOneForm, writeRefused } from '../import/refused-file.ts'
import { confirmColumns, readRules, type Rules } from '../import/rules.ts'
import { type ImportMode, sendRows } from '../import/send-rows.ts'
import { readServiceAccess } from '../import/service-access.ts'
import { createSourceSync } from '../import/source-sync.ts'
import { createTotals } from '../import/totals.ts'
import { readVoidLimit } from '../import/void-limit.ts'
import { command, runCommand } from './command.ts'
import { loadEnvironment } from './environment.ts'

const inputName = 'standard input'
const totals = createTotals()
const progress = createProgress(process.stderr)
const stopping = new AbortController()

interface ImportTask {
  readonly rules: Rules
  readonly files: readonly ImportFile[]
  /** Without it, nothing is sent. */
  readonly call: CallApi | undefined
  readonly mode: ImportMode
  /** Voids what is missing from a source, if there is one. */
  readonly sync: ReturnType<typeof createSourceSync> | undefined
  /** The file for the refused rows themselves. */
  readonly refusedFile: string | undefined
  /** The file that lists refused rows with their reasons; without it they go to stdout. */
  readonly report: FileHandle | undefined
}

interface ImportFile {
  readonly file: TextFile
  readonly found: Record<Kind, number>
  readonly refused: RefusedRow[]
  columns: readonly string[]
}

const importFiles = command({
  does,
  arguments: ['FILE…'],
  options: importOptions,
  async run(options, ...names) {
    // The second Ctrl-C ends the process at once.
    process.once('SIGINT', () => stopping.abort(new Error('Stopped. Run the import again to send the rest.')))
    const form = readForm(options)
    const spool = names.includes('-') ? await spoolInput() : undefined
    try {
      await importAll(await prepare({ options, names, form, spool }))
    } finally {
      if (spool !== undefined) await rm(spool, { recursive: true })
    }
  },
})

interface Given {
  readonly options: ImportOptions
  readonly names: readonly string[]
  readonly form: FileForm
  /** The folder of standard input, if it is one of the files. */
  readonly spool: string | undefined
}

async function prepare({ options, names, form, spool }: Given): Promise<ImportTask> {
  const environment = loadEnvironment()
  const maps = options['map-file'].map((name) => readMapFile(name, resolveFromUser))
  const rules = readRules(options, maps, options['time-zone'] ?? environment.TIME_ZONE)
  const [report, refusedFile] = [options.report, options.refused].map((name) => name && resolveFromUser(name))
  const files: ImportFile[] = []
  for (const given of names) {
    const path = given === '-' ? join(spool ?? '', inputName) : resolveFromUser(given)
    if (path === report || path === refusedFile)
      throw new Error(`${given} is read, so it cannot be written: choose another file.`)
    const name = given === '-' ? inputName : relative(resolveFromUser('.'), path)
    const file = await inspectFile(path, name, form)
    if (file.record === 'row') notify(`${name}: ${describeForm(file)}.`)
    files.push({ file, found: { partner: 0, event: 0, deal: 0, refund: 0 }, refused: [], columns: [] })
  }
  const connection = options['dry-run'] ? undefined : readServiceAccess(options, process.env, environment)
  const patienceMs = Number(options.patience) * 1000
  const call = connection && createApiClient({ ...connection, patienceMs, notify, signal: stopping.signal })
  return {
    rules,
    files,
    call,
    mode: options.update ? 'declare' : 'submit',
    sync: syncOf(options),
    refusedFile,
    report: report === undefined ? undefined : await open(report, 'w'),
  }
}

function syncOf(options: ImportOptions) {
  const limit = readVoidLimit(options['void-at-most'])
  return options['void-missing'] && options.source !== undefined
    ? createSourceSync(options.source, limit, (sentence) => console.log(sentence))
    : undefined
}

/** Copies standard input to a file: the import reads each file several times. Returns the folder of the file. */
async function spoolInput(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'import-'))
  await pipeline(process.stdin, createWriteStream(join(folder, inputName)), { signal: stopping.signal })
  return folder
}

/** Resolves a path from the folder in which the user ran npm, which runs scripts in the folder of the package. */
function resolveFromUser(file: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', file)
}

async function importAll(task: ImportTask): Promise<void> {
  try {
    await checkRows(task)
    try {
      await sendAll(task)
    } finally {
      if (task.refusedFile !== undefined) await writeRefused(task.refusedFile, task.files)
    }
    if (totals.hasRefused()) process.exitCode = 2
  } finally {
    await task.report?.close()
    const table = totals.format(task.call === undefined ? 'dry run' : task.mode)
    if (table !== undefined) console.log(table)
  }
}

async function sendAll(task: ImportTask): Promise<void> {
  const { call, sync } = task
  if (call === undefined) return
  await sync?.confirmMissing(call)
  await sync?.follow(call, 'keep')
  for (const kind of kinds) await importKind(task, call, kind)
  await sync?.follow(call, 'void')
}

/** Reads all files before anything is sent: reports rows that cannot be sent, and counts the others by kind. */
async function checkRows(task: ImportTask): Promise<void> {
  for (const entry of task.files) {
    const { rows, columns, dropped } = openRows(entry.file, task.rules)
    let leftOut = 0
    for await (const row of rows) {
      stopping.signal.throwIfAborted()
      if (row !== undefined) task.sync?.list(row)
      if (row === undefined) leftOut += 1
      else if ('reason' in row) await refuse(task, [row])
      else {
        entry.found[row.kind] += 1
        if (task.call === undefined) showRow(row)
      }
    }
    entry.columns = [...columns]
    const { name } = entry.file
    if (dropped.size > 0) notify(`${name}: these columns are left out: ${[...dropped].join(', ')}.`)
    if (leftOut > 0) notify(`${name}: --only leaves out ${leftOut} ${leftOut === 1 ? 'row' : 'rows'}.`)
  }
  confirmColumns(task.rules, new Set(task.files.flatMap(({ columns }) => columns)))
  if (task.refusedFile !== undefined) confirmOneForm(task.files)
}

/** Counts a row of a dry run, and shows the first of its kind as it would be sent. */
function showRow({ kind, body }: Row): void {
  if (totals.of(kind).stored === 0) console.log(`The first ${kind}: ${JSON.stringify(body)}`)
  totals.add(kind, { stored: 1 })
}

async function importKind(task: ImportTask, call: CallApi, kind: Kind): Promise<void> {
  const total = task.files.reduce((sum, { found }) => sum + found[kind], 0)
  if (total === 0) return
  progress.start(kind, total)
  // The next batch is read while the service stores this one.
  let sending = Promise.resolve()
  try {
    for (const { file, found } of task.files) {
      if (found[kind] === 0) continue
      for await (const batch of toBatches(rowsOf(file, kind, task.rules))) {
        await sending
        stopping.signal.throwIfAborted()
        sending = sendBatch(task, call, batch)
        // Awaited in the next round; until then a failure must not count as an unhandled rejection.
        sending.catch(() => {})
      }
    }
    await sending
  } finally {
    await Promise.allSettled([sending])
    progress.stop()
  }
}

async function sendBatch(task: ImportTask, call: CallApi, batch: Batch): Promise<void> {
  const { refused, ...counts } = await sendRows(call, task.mode, batch)
  totals.add((batch.rows[0] as Row).kind, counts)
  await refuse(task, refused)
  progress.add(batch.rows.length)
}

async function* rowsOf(file: TextFile, kind: Kind, rules: Rules): AsyncGenerator<Row> {
  for await (const row of openRows(file, rules, kind).rows)
    if (row !== undefined && 'body' in row && row.kind === kind) yield row
}

async function refuse(
  { files, refusedFile, report }: ImportTask,
  rows: readonly RefusedRow[],
): Promise<void> {
  if (rows.length === 0) return
  for (const row of rows) {
    totals.add(row.kind, { refused: 1 })
    if (refusedFile !== undefined) files.find(({ file }) => file.name === row.file)?.refused.push(row)
  }
  const lines = rows.map(describe).join('\n')
  if (report !== undefined) return report.appendFile(`${lines}\n`)
  progress.clear()
  console.log(lines)
}

function describe({ file, line, kind, id, reason }: RefusedRow): string {
  const row = [kind, id].filter((word) => word !== undefined).join(' ')
  return [`${file}:${line}`, row, reason].filter((part) => part !== '').join(': ')
}

function notify(sentence: string): void {
  progress.clear()
  console.error(sentence)
}

await runCommand('npm run import', importFiles)
