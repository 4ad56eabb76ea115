import t from 'tap'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../../src/postgres/embedded.ts'
import { migrateAsOwner } from '../../src/database/open.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/given.ts'

const quiet = { error: () => {}, debug: () => {} }

t.test(
  'a database that goes away costs answers, not the process, and is used again once it is back',
  async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-outage-'))
    t.teardown(() => rm(dataDir, { recursive: true, force: true }))
    const settings = [`port=${await findFreePort()}`, 'fsync=off']
    const embedded = await startEmbedded({ dataDir, log: () => {}, settings })
    await migrateAsOwner(embedded.ownerUrl, embedded.url, quiet)
    const service = await createApp(t, { url: embedded.url })
    await givenPartner(service, 'p1')
    const event = { id: 'e1', partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }
    const send = () => service.call('POST', '/events', event)
    t.equal((await send()).statusCode, 201)

    // Every way to lose a connection: while it waits, while it works, and while there is none to be had.
    const working = [1, 2, 3].map(() =>
      service.call('POST', '/events', { ...event, id: undefined }, { 'idempotency-key': 'k' }),
    )
    await stopAtOnce(dataDir)
    await Promise.all(working)
    const refused = await Promise.all([
      send(),
      send(),
      service.call('GET', '/attribution/d1'),
      service.call('GET', '/ready'),
    ])
    const alive = await service.call('GET', '/health')

    t.strictSame(
      refused.map(({ statusCode, headers }) => [statusCode, headers['retry-after']]),
      refused.map(() => [503, '1']),
    )
    t.equal(alive.statusCode, 200)

    const back = await startEmbedded({ dataDir, log: () => {}, settings })
    t.teardown(() => back.stop())
    const begin = performance.now()
    while ((await send()).statusCode !== 200) if (performance.now() - begin > 5000) break
    t.ok(performance.now() - begin < 5000, 'within five seconds')
    while ((await service.call('GET', '/ready')).statusCode !== 200)
      if (performance.now() - begin > 9000) break
    t.equal((await service.call('GET', '/ready')).statusCode, 200)
  },
)

/** What a power cut leaves: no checkpoint, no word to the clients. */
async function stopAtOnce(dataDir: string): Promise<void> {
  const { pid } = JSON.parse(await readFile(join(dataDir, 'connection.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGQUIT')
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}
