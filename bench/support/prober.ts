import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'

export interface Probe {
  readonly url: string
  /** The longest answer in milliseconds, for whoever reads it to set back to 0. */
  readonly longest: Int32Array
}

// In a thread of its own, so that the load that the attacks make is not taken for the service's.
const { url, longest } = workerData as Probe
const everyMs = 25

for (;;) {
  const began = performance.now()
  const note = () => {
    const ms = Math.round(performance.now() - began)
    if (ms > Atomics.load(longest, 0)) Atomics.store(longest, 0, ms)
  }
  // What is still open counts with the time that it has taken so far.
  const timer = setInterval(note, 10)
  await ask().catch(() => {})
  note()
  clearInterval(timer)
  await setTimeout(everyMs)
}

async function ask(): Promise<void> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage]
  await once(response.resume(), 'end')
}
