import t from 'tap'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../../src/postgres/embedded.ts'
import { migrateAsOwner } from '../../src/database/open-database.ts'
import { createApp } from '../support/app.ts'
import { givenPartner } from '../support/fixtures.ts'
import { quietLog } from '../support/log.ts'
import { isAlive } from '../support/child-processes.ts'
import { findFreePort } from '../support/free-port.ts'

t.test('the service answers 503 while the database is down and recovers when it is back', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'partner-attribution-outage-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const settings = [`port=${await findFreePort()}`, 'fsync=off']
  const embedded = await startEmbedded({ dataDir, log: () => {}, settings })
  await migrateAsOwner(embedded.ownerUrl, embedded.url, quietLog)
  const service = await createApp(t, { url: embedded.url })
  await givenPartner(service, 'p1')
  const event = { id: 'e1', partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }
  const send = () => service.call('POST', '/events', event)
  t.equal((await send()).statusCode, 201)

  // Connections are lost while idle and while in use, and then none can be opened.
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
  while ((await send()).statusCode !== 200);
  while ((await service.call('GET', '/ready')).statusCode !== 200);
})

/** Stops PostgreSQL like a power cut: no checkpoint, no message to clients. */
async function stopAtOnce(dataDir: string): Promise<void> {
  const { pid } = JSON.parse(await readFile(join(dataDir, 'connection.json'), 'utf8')) as { pid: number }
  process.kill(pid, 'SIGQUIT')
  while (isAlive(pid)) await new Promise((resolve) => setImmediate(resolve))
}
