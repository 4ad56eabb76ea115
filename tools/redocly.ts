import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../node_modules/@redocly/cli/bin/cli.js', import.meta.url))
const root = fileURLToPath(new URL('../', import.meta.url))

interface Report {
  readonly changes: readonly {
    readonly verdicts: readonly { readonly impact: string; readonly message: string }[]
  }[]
}

/** Runs Redocly on the repository's document; what it says of a fault is the error's message. */
export function redocly(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, ...args], { cwd: root, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`redocly ${args.join(' ')}:\n${stdout}${stderr}`))
    })
  })
}

/** What a client of the one document could not do with the other. */
export async function listBreakingChanges(released: string, current: string): Promise<readonly string[]> {
  const { changes } = JSON.parse(
    await redocly('diff', released, current, '--format=json', '--fail-on=none'),
  ) as Report
  return changes
    .flatMap(({ verdicts }) => verdicts)
    .filter(({ impact }) => impact === 'major')
    .map(({ message }) => message)
}
