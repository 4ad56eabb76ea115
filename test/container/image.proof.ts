import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
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
  // The builder of testcontainers cannot use the host's network, which `npm ci` needs on some machines.
  await docker('build', '--network', 'host', '--tag', image, '.')
  const network = await new Network().start()
  t.teardown(() => network.stop())
  const database = await new PostgreSqlContainer('postgres:17')
    .withNetwork(network)
    .withNetworkAliases('database')
    .start()
  t.teardown(() => database.stop())
  const place = { network, database }

  t.test('the image runs without root and npm and says what it needs', async (t) => {
    const { stdout: user } = await docker('run', '--rm', '--read-only', image, 'id', '--user', '--name')
    t.equal(user, 'node\n')
    await t.rejects(docker('run', '--rm', image, 'sh', '-c', 'command -v npm'), { code: 127 })
    await t.rejects(docker('run', '--rm', '--read-only', image), {
      code: 1,
      stderr: /DATABASE_URL is not set, and the package with the embedded PostgreSQL/,
    })
  })

  t.test('two instances on one database behave as one service', async (t) => {
    await migrate(place)
    // With the previous release, this shows that its queries work on the new schema.
    const previous = process.env['PREVIOUS_IMAGE'] ?? image
    const instances = [await startInstance(t, place), await startInstance(t, place, previous)] as const
    const create = ['node', 'dist/src/bin/keys.js', 'create', '--scopes', 'admin']
    const { output } = await instances[0].exec(create)
    const key = /sk_\S+/.exec(output)?.[0] ?? ''

    for (const [step, { command, answer }] of (await readWorkflow()).entries()) {
      const API = baseOf(instances[step % 2]!)
      const { stdout } = await execute('sh', ['-c', command], { env: { ...process.env, API, API_KEY: key } })
      t.strictSame(JSON.parse(stdout, masked), JSON.parse(answer, masked), command.slice(0, 60))
    }
    const [closed, again] = await Promise.all(instances.map((instance) => closeDeal(baseOf(instance), key)))
    t.strictSame(closed, again)
  })

  t.test('docker stop ends an instance with exit code 0', async (t) => {
    const instance = await startInstance(t, place)

    // Docker kills the process after this time; the exit code is then 137.
    await docker('stop', '--time', '600', instance.getId())

    const { stdout } = await docker('inspect', '--format', '{{.State.ExitCode}}', instance.getId())
    t.equal(stdout, '0\n')
  })
}

interface Place {
  readonly network: StartedNetwork
  readonly database: StartedPostgreSqlContainer
}

function configure({ network, database }: Place, of = image): GenericContainer {
  const url = `postgres://service:secret@database:5432/${database.getDatabase()}`
  return new GenericContainer(of)
    .withNetwork(network)
    .withEnvironment({ DATABASE_URL: url, MIGRATE_ON_START: 'off', DRAIN_SECONDS: '1' })
}

async function migrate(place: Place): Promise<void> {
  const { database } = place
  const ownerUrl = `postgres://${database.getUsername()}:${database.getPassword()}@database:5432/${database.getDatabase()}`
  const container = await configure(place)
    .withEnvironment({ DATABASE_OWNER_URL: ownerUrl })
    .withCommand(['node', 'dist/src/bin/migrate.js'])
    .withWaitStrategy(Wait.forOneShotStartup())
    .start()
  await container.stop()
}

async function startInstance(t: Test, place: Place, of = image): Promise<StartedTestContainer> {
  const container = await configure(place, of)
    .withExposedPorts(3000)
    .withWaitStrategy(Wait.forHttp('/ready', 3000))
    .start()
  t.teardown(() => container.stop())
  return container
}

function baseOf(instance: StartedTestContainer): string {
  return `http://${instance.getHost()}:${instance.getMappedPort(3000)}`
}

async function closeDeal(base: string, key: string): Promise<unknown> {
  const headers = {
    'x-api-key': key,
    'content-type': 'application/json',
    'idempotency-key': 'once',
  }
  const body = JSON.stringify({ amount: 99.99, attribution_model: 'equal' })
  for (;;) {
    const response = await fetch(`${base}/deals`, { method: 'POST', headers, body })
    // The other instance still works on this key.
    if (response.status !== 409) return response.json()
  }
}

/** The commands of the README and their documented answers. */
async function readWorkflow() {
  const readme = await readFile('README.md', 'utf8')
  const [, section = ''] = readme.split(/^## Use it$/m)
  const steps = section.matchAll(/```sh\n(curl .*?)```\s+```json\n(.*?)```/gs)
  return [...steps].map(([, command = '', answer = '']) => ({ command, answer }))
}

/** Masks instants, which differ in each run. */
function masked(name: string, value: unknown): unknown {
  return name.endsWith('_at') && value !== null ? 'some time' : value
}

function docker(...args: readonly string[]) {
  return execute('docker', args, { maxBuffer: 1e8 })
}
