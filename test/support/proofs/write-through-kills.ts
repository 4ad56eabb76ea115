import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { forEachOf } from '../concurrency.ts'
import type { Send } from './instance-client.ts'
import type { Deployment } from './deployment.ts'

/** The stored writes, compared with the acknowledged ones. */
interface KillReport {
  readonly kills: number
  readonly acknowledged: number
  /** Writes that were sent again because they were not acknowledged. */
  readonly retried: number
  readonly lost: readonly number[]
  readonly doubled: readonly number[]
  readonly exits: number
  /** The longest time from a restart of the database to the next acknowledged write. */
  readonly slowestRecoveryMs: number
}

interface Plan {
  readonly kills: number
  readonly writers: number
  readonly acknowledged: number
}

/** Writes continuously while the service and its database are killed in turn, then counts the stored writes. */
export async function writeThroughKills(
  deployment: Deployment,
  { kills, writers, acknowledged }: Plan,
): Promise<KillReport> {
  const done: number[] = []
  const open: number[] = []
  const over = new AbortController()
  function* numbers() {
    for (let n = 0; !over.signal.aborted; n++) yield n
  }
  const writing = forEachOf(numbers(), writers, async (n) => {
    const isDone = await write(instanceFor(deployment, n), n)
    ;(isDone ? done : open).push(n)
    if (!isDone) await setTimeout(10)
  })

  let slowestRecoveryMs = 0
  for (let kill = 0; kill < kills; kill++) {
    await until(() => done.length >= (acknowledged * (kill + 1)) / (kills + 1))
    if (kill % 2 === 0) await deployment.killService((kill >> 1) % deployment.instances.length)
    else {
      await deployment.killDatabase()
      const [before, begin] = [done.length, performance.now()]
      await until(() => done.length > before)
      slowestRecoveryMs = Math.max(slowestRecoveryMs, performance.now() - begin)
    }
  }
  await until(() => done.length >= acknowledged)
  over.abort()
  await writing

  await forEachOf(open, writers, async (n) => {
    while (!(await write(instanceFor(deployment, n), n))) await setTimeout(50)
  })
  const { lost, doubled } = await count(deployment, [...done, ...open])
  const exits = deployment.countExits()
  return { kills, acknowledged: done.length, retried: open.length, lost, doubled, exits, slowestRecoveryMs }
}

function instanceFor({ instances }: Deployment, n: number): Send {
  return instances[n % instances.length] as Send
}

/** Sends an idempotent write, with an id or an Idempotency-Key. Returns true if it was acknowledged. */
async function write(send: Send, n: number): Promise<boolean> {
  const touch = { partner_id: 'p1', touchpoint_type: 'demo', metadata: { n } }
  try {
    const reply = await (n % 3 === 0
      ? send('POST', '/events', { ...touch, id: `event-${n}`, deal_id: `deal-${n + 2}` })
      : n % 3 === 1
        ? send('POST', '/events', { ...touch, deal_id: `deal-${n + 1}` }, { 'idempotency-key': `write-${n}` })
        : send('POST', '/deals', { id: `deal-${n}`, amount: 1 + n, attribution_model: 'equal' }))
    return reply.status === 201 || reply.status === 200
  } catch {
    return false
  }
}

async function count({ db }: Deployment, written: readonly number[]) {
  const { rows } = await sql<{ n: number; times: number }>`
    select n, count(*)::int as times from (
      select (metadata ->> 'n')::int as n from events union all select substr(id, 6)::int from deals
    ) as found group by n`.execute(db)
  const times = new Map(rows.map(({ n, times }) => [n, times]))
  return {
    lost: written.filter((n) => !times.has(n)),
    doubled: rows.filter(({ times }) => times > 1).map(({ n }) => n),
  }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await setTimeout(5)
}
