import { readFileSync } from 'node:fs'
import { Agent } from 'node:http'
import type { Kysely } from 'kysely'
import { issueKey } from '../../../src/api-keys/issue.ts'
import type { Scope } from '../../../src/api-keys/schemas.ts'
import { connect } from '../../../src/database/connect.ts'
import type { Database } from '../../../src/database/tables.ts'
import { end, startListener } from '../child-processes.ts'
import { type AttackAnswer, type AttackRequest, send } from './http-client.ts'
import { quietLog } from '../log.ts'

/** The service in a child process with a heap of 512 MB, and functions to attack it. */
export interface Target {
  readonly url: URL
  readonly pid: number
  readonly db: Kysely<Database>
  /** An admin key with a very high rate limit. */
  readonly key: string
  readonly send: (request: AttackRequest) => Promise<AttackAnswer>
  readonly issue: (scope: Scope) => Promise<{ readonly id: string; readonly key: string }>
  /** Chooses a number for `npm run siege` or for the short form in the tests. */
  readonly pick: (full: number, short: number) => number
  readonly isAlive: () => boolean
  readonly close: () => Promise<void>
}

const heap = '--max-old-space-size=512'
const unlimited = 1_000_000_000
export async function openTarget(databaseUrl: string, size: 'full' | 'short'): Promise<Target> {
  const db = connect({ url: databaseUrl, max: 2, log: quietLog })
  const issue = (scope: Scope) =>
    issueKey(db, { name: `siege ${scope}`, scopes: [scope], rate_limit_max: unlimited })
  const { key } = await issue('admin')
  const { address, child } = await startListener('src/bin/serve.ts', {
    DATABASE_URL: databaseUrl,
    HOST: '127.0.0.1',
    NODE_OPTIONS: heap,
    // The attacks send many client addresses in X-Forwarded-For.
    TRUST_PROXY: '127.0.0.1',
  })
  const url = new URL(address)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  return {
    url,
    pid: child.pid as number,
    db,
    key,
    issue,
    send: (request) => send({ url, agent }, request),
    pick: (full, short) => (size === 'full' ? full : short),
    isAlive: () => child.exitCode === null && child.signalCode === null,
    async close() {
      agent.destroy()
      await end(child, 'SIGKILL')
      await db.destroy()
    },
  }
}

/** The resident memory of a process, in MB. */
export function readMemory(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1000
}

/** The CPU time of a process in milliseconds, in steps of 10 ms. */
export function readCpuTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
