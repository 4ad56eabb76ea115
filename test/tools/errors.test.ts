import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import t from 'tap'

t.test(
  'the check fails when docs/errors.md differs from the catalogue, until it is made again',
  async (t) => {
    const copy = await mkdtemp(join(tmpdir(), 'partner-attribution-errors-'))
    t.teardown(() => rm(copy, { recursive: true }))
    for (const part of ['src', 'tools', 'docs', 'package.json']) {
      await cp(part, join(copy, part), { recursive: true })
    }
    await symlink(resolve('node_modules'), join(copy, 'node_modules'))
    const catalogue = join(copy, 'src/errors.ts')
    const errors = (...args: readonly string[]) =>
      new Promise<number | null>((done) => {
        const child = execFile(process.execPath, ['tools/errors.ts', ...args], { cwd: copy }, () =>
          done(child.exitCode),
        )
      })

    t.equal(await errors('--check'), 0)
    const text = await readFile(catalogue, 'utf8')
    await writeFile(catalogue, text.replace('Void events count.', 'Void events do not count.'))
    t.equal(await errors('--check'), 1)
    t.equal(await errors(), 0)
    t.equal(await errors('--check'), 0)
    t.match(await readFile(join(copy, 'docs/errors.md'), 'utf8'), 'Void events do not count.')
  },
)
