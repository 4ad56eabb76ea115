import t from 'tap'
import { listKeys } from '../../src/api-keys/queries.ts'
import { createApp } from '../support/app.ts'
import { runCommand } from './processes.ts'

async function run(name: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const { code, stdout, stderr } = await runCommand(`src/bin/${name}.ts`, args, { folder: '.', env })
  return { code, stdout: stdout.trim(), stderr }
}

t.test('npm run keys creates, lists, rotates and revokes keys', async (t) => {
  const service = await createApp(t)
  const keys = (...args: string[]) => run('keys', args, { DATABASE_URL: service.url })
  const statusWith = async (key: string) =>
    (await service.call('GET', '/partners', undefined, { 'x-api-key': key })).statusCode

  const made = await keys('create', '--name', 'crm', '--scopes', 'read,payouts:read', '--limit', '7')
  const [created] = await listKeys(service.db)
  const id = created?.id ?? ''
  const rotated = await keys('rotate', id)
  const again = await keys('rotate', id)
  const ended = await keys('revoke', id)
  const listed = await keys('list')
  const [replacement] = await listKeys(service.db)
  const revoked = await keys('revoke', replacement?.id ?? '')

  t.match(created, { name: 'crm', scopes: ['read', 'payouts:read'], rate_limit_max: 7, expires_at: null })
  t.match(made, { code: 0, stdout: /^sk_\S+$/, stderr: new RegExp(id) })
  t.match(rotated, { code: 0, stdout: /^sk_\S+$/ })
  const [header, first, second] = listed.stdout.split('\n')
  t.match(header, /^id +name +scopes +limit +created +last used +expires +revoked$/)
  const instant = String.raw`2\S+Z`
  t.match(first, new RegExp(`^${replacement?.id} +crm +read,payouts:read +7 +${instant} +never +never$`))
  t.match(second, new RegExp(`^${id} +crm +read,payouts:read +7 +${instant} +never +${instant} +${instant}$`))
  t.notMatch(listed.stdout + listed.stderr, /sk_/)
  t.match(again, { code: 1, stdout: '', stderr: /was rotated before/ })
  t.strictSame([ended.code, revoked.code], [0, 0])
  const audit = await service.db.selectFrom('audit').selectAll().orderBy('at').orderBy('id').execute()
  t.match(
    audit.slice(1),
    ['api_key.created', 'api_key.created', 'api_key.rotated', 'api_key.revoked', 'api_key.revoked'].map(
      (action) => ({ actor: 'command_line', key_id: null, action, request_id: null }),
    ),
  )
  t.strictSame([await statusWith(made.stdout), await statusWith(rotated.stdout)], [401, 401])
})

t.test('npm run keys explains wrong arguments in a sentence and changes nothing', async (t) => {
  const { url, db } = await createApp(t)
  const before = await listKeys(db)
  const wrong = [
    [],
    ['make'],
    ['rotate'],
    ['create'],
    ['create', '--scopes', 'admin', 'extra'],
    ['create', 'extra', '--scopes', 'admin'],
    ['create', '--scopes', 'root'],
    ['create', '--scopes', 'read', '--limit', '0'],
    ['create', '--scopes', 'read', '--limit', 'many'],
    ['create', '--scopes', 'read', '--name', ''],
    ['create', '--scopes', 'read', '--expires', '2020-01-01T00:00:00Z'],
    ['list', 'all'],
    ['list', '--scopes', 'read'],
    ['rotate', 'key_none', '--overlap', '43201'],
    ['revoke', 'key_none'],
  ]

  const ends = await Promise.all(wrong.map((args) => run('keys', args, { DATABASE_URL: url })))

  for (const { code, stdout, stderr } of ends) {
    t.strictSame([code, stdout], [1, ''])
    t.match(stderr, /^[^\n]+\.\n$/)
    t.notMatch(stderr, /node_modules/)
  }
  t.match(ends[3]?.stderr, /^--scopes SCOPES is missing: one or more of read, write, admin, payouts:read/)
  t.strictSame(await listKeys(db), before)
})

t.test('npm run keys:rotate-payout rotates payout keys until the old one can be removed', async (t) => {
  const service = await createApp(t)
  const payout_details = { iban: 'DE89370400440532013000' }
  await service.call('POST', '/partners', {
    id: 'p1',
    name: 'Acme',
    email: 'sales@acme.example',
    payout_details,
  })
  const [oldKey, newKey] = [7, 8].map((byte) => Buffer.alloc(32, byte).toString('base64'))
  const rotate = (PAYOUT_KEYS: string) =>
    run('rotate-payout-keys', [], { DATABASE_URL: service.url, PAYOUT_KEYS })

  const missing = await rotate(`new:${newKey}`)
  const first = await rotate(`new:${newKey},test:${oldKey}`)
  const second = await rotate(`new:${newKey}`)

  t.match(missing, { code: 1, stderr: /PAYOUT_KEYS/ })
  t.match(first.stdout, /again, with the key new: 1\./)
  t.match(second.stdout, /older keys can be removed/)
})
