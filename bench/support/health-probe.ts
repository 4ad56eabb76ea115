import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { workerData } from 'node:worker_threads'

export interface Probe {
  readonly url: string
  /** The longest time to an answer in milliseconds. The reader resets it to 0. */
  readonly longest: Int32Array
}

// Runs in its own thread, so that the work of the attacks does not delay it.
const { url, longest } = workerData as Probe
const everyMs = 25

for (;;) {
  const began = performance.now()
  const note = () => {
    const ms = Math.round(performance.now() - began)
    if (ms > Atomics.load(longest, 0)) Atomics.store(longest, 0, ms)
  }
  // A request that is still open counts with its time so far.
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
