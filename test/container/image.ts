import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { PostgreSqlContainer, type StartedPostgreSqlContainer } from '@testcontainers/postgresql'
import t, { type Test } from 'tap'
import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  type StartedNetwork,
  type StartedTestContainer,
  Wait,
} from 'testcontainers'

const execute = promisify(execFile)
const image = 'partner-attribution-api'

const problem = await getContainerRuntimeClient().then(
  () => undefined,
  (error: Error) => error.message,
)
if (problem === undefined) await testImage()
else t.plan(0, `no container engine answers: ${problem}`)

async function testImage(): Promise<void> {
  // Not testcontainers' own builder: it cannot lend a build the host's network, which some machines need for `npm ci`.
  await docker('build', '--network', 'host', '--tag', image, '.')
  const network = await new Network().start()
  t.teardown(() => network.stop())
  const database = await new PostgreSqlContainer('postgres:17')
    .withNetwork(network)
    .withNetworkAliases('database')
    .start()
  t.teardown(() => database.stop())
  const place = { network, database }

  t.test('runs as a user without power, without npm, and says what it needs', async (t) => {
    const { stdout: user } = await docker('run', '--rm', '--read-only', image, 'id', '--user', '--name')
    t.equal(user, 'node\n')
    await t.rejects(docker('run', '--rm', image, 'sh', '-c', 'command -v npm'), { code: 127 })
    await t.rejects(docker('run', '--rm', '--read-only', image), {
      code: 1,
      stderr: /There is neither a DATABASE_URL nor an embedded PostgreSQL/,
    })
  })

  t.test('two instances of it are one service', async (t) => {
    await migrate(place)
    const [first, second] = await Promise.all([startInstance(t, place), startInstance(t, place)])
    const { output } = await first.exec(['node', 'dist/src/bin/keys.js', 'create'], {
      env: { NO_COLOR: '1' },
    })
    const key = /sk_\w+/.exec(output)?.[0] ?? ''
    const viaFirst = client(first, key)
    const viaSecond = client(second, key)

    const alice = await viaFirst('POST', '/partners', { id: 'p1', name: 'Alice', email: 'alice@example.com' })
    const bob = await viaSecond('POST', '/partners', { id: 'p2', name: 'Bob', email: 'bob@example.com' })
    const closer = await viaFirst('POST', '/events', touch('e1', 'p1', 'closer', '2024-01-10T09:00:00Z'))
    const demo = await viaSecond('POST', '/events', touch('e2', 'p2', 'demo', '2024-01-12T09:00:00Z'))
    const deal = {
      id: 'd1',
      amount: 50_000,
      closed_date: '2024-01-20T15:00:00Z',
      attribution_model: 'role-based',
    }
    const closed = await viaFirst('POST', '/deals', deal, { 'idempotency-key': 'close-d1' })
    const replayed = await viaSecond('POST', '/deals', deal, { 'idempotency-key': 'close-d1' })
    const split = await viaSecond('GET', '/attribution/d1')
    const late = await viaSecond('POST', '/events', touch('e3', 'p1', 'referral', '2024-01-05T09:00:00Z'))
    const history = await viaFirst('GET', '/attribution/d1/history')
    const analytics = await viaFirst('GET', '/analytics')

    const statuses = [alice, bob, closer, demo, closed, replayed, split, late, history, analytics]
    t.strictSame(
      statuses.map(({ status }) => status),
      [201, 201, 201, 201, 201, 201, 200, 201, 200, 200],
    )
    t.equal(replayed.headers.get('idempotency-replayed'), 'true')
    t.strictSame(replayed.body, closed.body)
    t.match(split.body, {
      total_amount: 50_000,
      attributions: [
        { partner_name: 'Alice', percentage: 70, payout: 35_000 },
        { partner_name: 'Bob', percentage: 30, payout: 15_000 },
      ],
      unattributed: 0,
      cached: true,
    })
    t.match(history.body, { versions: [{ reason: 'closed' }, { reason: 'late_event', unattributed: 0 }] })
    t.match(analytics.body, { overview: { total_deals: 1, total_revenue: 50_000 } })
  })

  t.test('an instance that is stopped ends well, within ten seconds', async (t) => {
    const instance = await startInstance(t, place)
    const begin = performance.now()

    await docker('stop', instance.getId())

    t.ok(performance.now() - begin < 10_000)
    const { stdout } = await docker('inspect', '--format', '{{.State.ExitCode}}', instance.getId())
    t.equal(stdout, '0\n')
  })
}

interface Place {
  readonly network: StartedNetwork
  readonly database: StartedPostgreSqlContainer
}

function configure({ network, database }: Place): GenericContainer {
  const url = `postgres://${database.getUsername()}:${database.getPassword()}@database:5432/${database.getDatabase()}`
  return new GenericContainer(image)
    .withNetwork(network)
    .withEnvironment({ DATABASE_URL: url, MIGRATE_ON_START: 'off', DRAIN_SECONDS: '1' })
}

async function migrate(place: Place): Promise<void> {
  const container = await configure(place)
    .withCommand(['node', 'dist/src/bin/migrate.js'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start()
  await container.stop()
}

async function startInstance(t: Test, place: Place): Promise<StartedTestContainer> {
  const container = await configure(place)
    .withExposedPorts(3000)
    .withWaitStrategy(Wait.forHttp('/ready', 3000))
    .start()
  t.teardown(() => container.stop())
  return container
}

function client(instance: StartedTestContainer, key: string) {
  const base = `http://${instance.getHost()}:${instance.getMappedPort(3000)}`
  return async (method: string, path: string, body?: object, headers?: object) => {
    const response = await fetch(base + path, {
      method,
      headers: { 'x-api-key': key, ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }
}

function touch(id: string, partner_id: string, touchpoint_type: string, timestamp: string) {
  return { id, partner_id, deal_id: 'd1', touchpoint_type, timestamp }
}

function docker(...args: readonly string[]) {
  return execute('docker', args, { maxBuffer: 1e8 })
}
