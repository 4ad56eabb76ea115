import { readFileSync } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import t from 'tap'
import { createDatabase } from '../support/database.ts'
import { runCommand } from './processes.ts'

const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}
const files = Object.values(scripts)
  .map((script) => /^node (?:--max\S+ )?((?:src\/bin|tools)\/\S+\.ts)$/.exec(script)?.[1] ?? '')
  .filter((file) => file !== '')

const embedded = { DATABASE_URL: '', DATA_DIR: './data', PORT: '0' }

for (const file of files) {
  t.test(
    `${file} answers --help, refuses unknown options and arguments, and does nothing then`,
    async (t) => {
      const folder = t.testdir()
      const run = (...args: string[]) => runCommand(file, args, { folder, env: embedded })

      const help = await run('--unknown', '--help')
      const option = await run('--unknown')
      const argument = await run('unknown')

      t.match(help, { code: 0, stdout: /^Usage: npm (start|run [\w:]+)\b/, stderr: '' })
      t.match(option, { code: 1, stdout: '', stderr: /^[^\n]*unknown[^\n]*`npm [^\n]+`[^\n]*\n$/ })
      // The arguments of an import are files.
      if (file !== 'src/bin/import.ts')
        t.match(argument, { code: 1, stdout: '', stderr: /^[^\n]*unknown[^\n]*`npm [^\n]+`[^\n]*\n$/ })
      t.strictSame(await readdir(folder), [])
    },
  )
}

t.test(
  '--help of a command with several actions describes each, and that of one action its options',
  async (t) => {
    const keys = (...args: string[]) => runCommand('src/bin/keys.ts', args, { folder: t.testdir() })

    const all = await keys('--help')
    const rotate = await keys('rotate', '--help')

    for (const action of ['create --scopes SCOPES [--name NAME]', 'list', 'rotate ID', 'revoke ID'])
      t.ok(all.stdout.includes(`Usage: npm run keys -- ${action}`), action)
    t.equal(
      rotate.stdout,
      `Usage: npm run keys -- rotate ID [--overlap MINUTES]
Replaces a key by a new one, and prints the new one once. The old one still works during the overlap.
  --overlap MINUTES  how long the old key still works (default: 60)
`,
    )
  },
)

t.test('a switch that npm has taken for itself is refused', async (t) => {
  const { url } = await createDatabase(t)
  const env = { DATABASE_URL: url, npm_config_dry_run: 'true' }

  const { code, stdout, stderr } = await runCommand('src/bin/migrate.ts', [], { folder: t.testdir(), env })

  t.match({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^npm has taken --dry-run, write `npm run migrate -- --dry-run`/)
})

t.test('npm run verify says that there is nothing to verify, or no schema', async (t) => {
  const { url, ownerUrl } = await createDatabase(t)
  const verify = (DATABASE_URL: string) =>
    runCommand('src/bin/verify.ts', [], { folder: t.testdir(), env: { DATABASE_URL } })

  const empty = await verify(url)
  const blank = await verify(new URL('/template1', ownerUrl).href)

  t.match(empty, {
    code: 0,
    stdout: 'The database has no versions to verify: no deal has been recorded yet.\n',
  })
  t.match(blank, { code: 1, stderr: /^The database does not have the schema of this release: [^\n]+\n$/ })
})

t.test('names in .env that nothing reads are warned of', async (t) => {
  const { url } = await createDatabase(t)
  const folder = t.testdir()
  await writeFile(`${folder}/.env`, 'LOGLEVEL=debug\nLOG_LEVEL=info\nPGAPPNAME=cli\nAPI_KEY=sk_x\nPROT=1\n')

  const { code, stderr } = await runCommand('src/bin/keys.ts', ['list'], {
    folder,
    env: { DATABASE_URL: url },
  })

  t.equal(code, 0)
  t.equal(
    stderr,
    '.env sets names that nothing reads: LOGLEVEL, PROT. README.md, "Configuration", lists the settings.\n',
  )
})
