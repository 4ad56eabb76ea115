import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { listFailures } from './list-failures.ts'
import { findFastFolder, startTestServer, type TestServer } from './postgres-server.ts'

// Runs tap with the options of the command line. The server of the databases starts when the first test asks for it,
// so tests without a database run without one.

const results = `.tap/results-${process.pid}.tap`
// The server allows 200 connections, and a test file uses up to 30.
const jobs = Math.min(availableParallelism(), 6)

// After an interruption this process still has to stop the server.
const interruption = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interruption.abort())

const opened = new AsyncDisposableStack()
let testServer: Promise<TestServer> | undefined
const desk = createServer((_, response) => {
  testServer ??= startTestServer(opened)
  testServer.then(
    (server) => response.end(JSON.stringify(server)),
    (error: Error) => response.writeHead(500).end(error.stack),
  )
})

try {
  await once(desk.listen(0, '127.0.0.1'), 'listening')
  await ensureTapIsBuilt()
  const reporter = process.stdout.isTTY ? 'base' : 'min'
  const environment = {
    TEST_SERVER: `http://127.0.0.1:${(desk.address() as AddressInfo).port}`,
    TMPDIR: await findFastFolder(),
    // A third of the start of each process is the compilation of its modules.
    NODE_COMPILE_CACHE: resolve('.tap/compile-cache'),
  }
  const code = await tap(
    [`--jobs=${jobs}`, `--reporter=${reporter}`, `--output-file=${results}`, ...process.argv.slice(2)],
    environment,
  )
  process.exitCode = (await report()) ? code : code || 1
} finally {
  await rm(results, { force: true })
  desk.closeAllConnections()
  desk.close()
  await testServer?.catch(() => {})
  await opened.disposeAsync()
}

/** tap generates its test class from its plugins. After an install the class has all plugins. */
async function ensureTapIsBuilt(): Promise<void> {
  const generated = await readFile('node_modules/@tapjs/test/test-built/dist/esm/index.js', 'utf8')
  if (generated.includes('@tapjs/typescript')) await tap(['build'])
}

async function tap(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<number> {
  if (interruption.signal.aborted) return 1
  const child = spawn(process.execPath, ['node_modules/tap/dist/esm/run.mjs', ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...environment },
  })
  interruption.signal.addEventListener('abort', () => child.kill('SIGINT'), { once: true })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** Prints each failed assertion and, as the last line, the totals. Returns false when no test has passed. */
async function report(): Promise<boolean> {
  const text = await readFile(results, 'utf8').catch(() => '')
  const failures = listFailures(text)
  if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ${name}`).join('\n')}`)
  const totals = text.match(/^# \{ total: .*\}$/gm)?.at(-1) ?? ''
  const count = (word: string) => Number(new RegExp(`\\b${word}: (\\d+)`).exec(totals)?.[1] ?? 0)
  const skipped = count('skip') + count('todo')
  console.log(
    `\n${count('pass')} passed, ${count('fail')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  )
  return count('pass') > 0
}
