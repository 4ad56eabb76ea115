import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

// The flag of `npm start` and of the image: a small heap for new objects, so that memory grows slowly.
const flags = ['--max-semi-space-size=32']

/** A child process that listens at an address. */
export interface Listener {
  readonly address: string
  readonly child: ChildProcess
}

/** Starts a script that prints `Listening on URL`, like the service. */
export async function startListener(
  script: string,
  environment: NodeJS.ProcessEnv,
  args: readonly string[] = [],
): Promise<Listener> {
  const child = spawn(process.execPath, [...flags, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PORT: '0', METRICS_PORT: '', LOG_LEVEL: 'fatal', ...environment },
  })
  const lines = createInterface({ input: child.stdout })
  for await (const line of lines) {
    const [, address] = /Listening on (http[^\s,]+)/.exec(line) ?? []
    if (address === undefined) continue
    child.stdout.resume()
    return { address, child }
  }
  throw new Error(`${script} ended before it listened.`)
}

/** Ends a process and waits for its exit. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
