import t from 'tap'
import { type Job, runJobs } from '../../src/jobs/run-jobs.ts'
import { createClock } from '../support/clock.ts'
import { captureLog } from '../support/log.ts'

function start(...jobs: readonly Job[]) {
  const clock = createClock()
  const { log, lines } = captureLog()
  return { clock, lines, ...runJobs(jobs, log, clock) }
}

/** A job whose runs end when the test says so. */
function createSlowJob(name = 'slow') {
  const ends: (() => void)[] = []
  const run = () => new Promise<void>((resolve) => ends.push(resolve))
  return { name, everyMs: 1000, run, runs: () => ends.length, end: () => ends.at(-1)?.() }
}

t.test('a job runs at once, and again when its pause is over', async (t) => {
  let runs = 0
  const { clock } = start({ name: 'count', everyMs: 1000, run: async () => (runs += 1) })

  const seen = [runs]
  for (const ms of [999, 1, 1000]) {
    await clock.waited()
    clock.pass(ms)
    seen.push(runs)
  }

  t.strictSame(seen, [1, 1, 2, 3])
})

t.test('a job does not start again while it runs, and its pause begins when the run ends', async (t) => {
  const job = createSlowJob()
  const { clock } = start(job)

  clock.pass(10_000)
  const whileRunning = job.runs()
  job.end()
  await clock.waited()
  clock.pass(999)
  const inPause = job.runs()
  clock.pass(1)

  t.strictSame([whileRunning, inPause, job.runs()], [1, 1, 2])
})

t.test('no job waits for another one', async (t) => {
  const slow = createSlowJob()
  const other = createSlowJob('other')
  const { clock } = start(slow, other)

  other.end()
  await clock.waited()
  clock.pass(1000)

  t.strictSame([slow.runs(), other.runs()], [1, 2])
})

t.test('each failed run is logged once, and the job goes on', async (t) => {
  const failures = ['rejects', 'throws']
  const run = () => {
    const failure = failures.shift()
    if (failure === 'rejects') return Promise.reject(new Error(failure))
    if (failure === 'throws') throw new Error(failure)
    return Promise.resolve()
  }
  const { clock, lines } = start({ name: 'fragile', everyMs: 1000, run })

  for (let pause = 0; pause < 3; pause += 1) {
    await clock.waited()
    clock.pass(1000)
  }

  t.match(lines(), [
    { level: 50, job: 'fragile', msg: 'a background job failed', err: { message: 'rejects' } },
    { level: 50, job: 'fragile', msg: 'a background job failed', err: { message: 'throws' } },
  ])
  t.equal(lines().length, 2)
})

t.test('a stop waits for the runs that have started, and no run follows', async (t) => {
  const job = createSlowJob()
  const { clock, stop } = start(job)
  const order: string[] = []

  const stopping = stop().then(() => order.push('stopped'))
  order.push('run ends')
  job.end()
  await stopping
  clock.pass(10_000)

  t.strictSame(order, ['run ends', 'stopped'])
  t.equal(job.runs(), 1)
})

t.test('a stop between two runs cancels the next one', async (t) => {
  const job = createSlowJob()
  const { clock, stop } = start(job)
  job.end()
  await clock.waited()

  await stop()
  clock.pass(10_000)

  t.equal(job.runs(), 1)
})
