import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { formatTable } from '../src/import/format-table.ts'
import { startEmbedded } from '../src/postgres/embedded.ts'
import { migrateAsOwner } from '../src/database/open-database.ts'
import { attacks } from '../test/support/siege/attacks.ts'
import type { Attack, Outcome } from '../test/support/siege/outcome.ts'
import type { Probe } from './support/health-probe.ts'
import { openTarget, readMemory, type Target } from '../test/support/siege/target.ts'

// Runs every attack at full size against one process of the service. `npm run siege -- WORD…` runs only the attacks
// whose names contain one of the words.
const mostHealthMs = 250
const mostMemoryMb = 450
const words = process.argv.slice(2)
const chosen = attacks.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
const misses: string[] = []
// The first row shows the other load of the machine.
const nothing: Attack = {
  name: 'nothing',
  run: async () => {
    await setTimeout(5000)
    return { answers: new Map(), wrong: [] }
  },
}

const database = await findDatabase()
try {
  const target = await openTarget(database.url, 'full')
  const longest = new Int32Array(new SharedArrayBuffer(4))
  const probe: Probe = { url: new URL('/health', target.url).href, longest }
  const prober = new Worker(new URL('./support/health-probe.ts', import.meta.url), { workerData: probe })
  try {
    const rows = []
    for (const attack of [nothing, ...chosen]) {
      if (!target.isAlive()) break
      rows.push(await measure(attack, target, longest))
      console.log(rows.at(-1)?.join('  '))
    }
    console.log(`\n${formatTable(['attack', 'answers', 'correct', '/health ms', 'MB', 'alive', ''], rows)}`)
  } finally {
    await prober.terminate()
    await target.close()
  }
} finally {
  await database.stop()
}
console.log(misses.length === 0 ? '\nAll goals are met.' : `\nMissed:\n${misses.join('\n')}`)
if (misses.length > 0) process.exitCode = 1

async function measure({ name, run }: Attack, target: Target, longest: Int32Array) {
  Atomics.store(longest, 0, 0)
  const watch = watchMemory(target)
  const outcome = await run(target)
  const healthMs = Atomics.load(longest, 0)
  const memoryMb = Math.round(watch.stop())
  const isCorrect = outcome.wrong.length === 0
  if (!isCorrect) misses.push(`${name}: ${outcome.wrong.join('; ')}`)
  if (outcome.isWithinBounds === false) misses.push(`${name}: ${outcome.measured}`)
  if (healthMs >= mostHealthMs) misses.push(`${name}: /health took ${healthMs} ms`)
  if (memoryMb >= mostMemoryMb) misses.push(`${name}: ${memoryMb} MB`)
  if (!target.isAlive()) misses.push(`${name}: the process ended`)
  const alive = target.isAlive() ? 'yes' : 'NO'
  return [
    name,
    formatAnswers(outcome),
    isCorrect ? 'yes' : 'NO',
    healthMs,
    memoryMb,
    alive,
    outcome.measured ?? '',
  ]
}

function formatAnswers({ answers }: Outcome): string {
  return [...answers].map(([status, count]) => `${count}×${status}`).join(' ')
}

function watchMemory({ pid, isAlive }: Target) {
  let most = 0
  const look = () => {
    if (isAlive()) most = Math.max(most, readMemory(pid))
  }
  const timer = setInterval(look, 50)
  return {
    stop() {
      look()
      clearInterval(timer)
      return most
    },
  }
}

/** The migrated database of DATABASE_URL, which keeps the rows of the attacks, or a temporary embedded one. */
async function findDatabase() {
  const url = process.env['DATABASE_URL']
  if (url !== undefined) return { url, stop: async () => {} }
  const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-siege-'))
  const embedded = await startEmbedded({ dataDir, log: () => {} })
  await migrateAsOwner(embedded.ownerUrl, embedded.url, console)
  return {
    url: embedded.url,
    stop: () => embedded.stop().then(() => rm(dataDir, { recursive: true, force: true })),
  }
}
