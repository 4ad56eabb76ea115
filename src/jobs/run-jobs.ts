import type { Log } from '../database/connect.ts'
import { type Clock, systemClock } from '../values/clock.ts'

/** Work that the service does without a request. */
export interface Job {
  readonly name: string
  /** The pause between the end of a run and the start of the next. */
  readonly everyMs: number
  readonly run: () => Promise<unknown>
}

interface RunningJobs {
  /** Starts no further run and waits for the runs that have started. */
  readonly stop: () => Promise<void>
}

/** Runs each job now and again after each pause. A job never runs twice at once; no job waits for another. */
export function runJobs(jobs: readonly Job[], log: Log, clock = systemClock): RunningJobs {
  const stops = jobs.map((job) => repeat(job, log, clock))
  return {
    async stop() {
      await Promise.all(stops.map((stop) => stop()))
    },
  }
}

function repeat({ name, everyMs, run }: Job, log: Log, clock: Clock): () => Promise<void> {
  let isStopped = false
  let cancel: (() => void) | undefined
  let running = runOnce()
  return () => {
    isStopped = true
    cancel?.()
    return running
  }

  async function runOnce(): Promise<void> {
    try {
      await run()
    } catch (err) {
      log.error({ err, job: name }, 'a background job failed')
    }
    if (isStopped) return
    cancel = clock.after(everyMs, () => {
      running = runOnce()
    })
  }
}
