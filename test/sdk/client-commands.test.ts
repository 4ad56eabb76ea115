import t from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { readClientCommands } from './client-commands.ts'

const commands = await readClientCommands()

t.test('docs/integrate.md has commands for each language, and check:sdks runs exactly these', (t) => {
  for (const client of ['TypeScript', 'Go', 'PHP', 'Java', 'Python']) t.ok(commands.has(client), client)
  for (const [client, script] of commands) {
    t.match(script, 'openapi.json', client)
    t.notMatch(script, /openapi\/openapi\.json|…|<\w+>/, `${client} can be pasted`)
  }
  t.end()
})

t.test('every command names the version of its generator, Redocly the one that this repository has', (t) => {
  for (const [client, script] of commands) {
    for (const [, name, version] of script.matchAll(/(@redocly\/cli|orval|[\w@/-]+-cli)@(\S+)/g)) {
      t.match(version, /^\d+\.\d+\.\d+/, client)
      if (name === '@redocly/cli') t.equal(version, manifest.devDependencies['@redocly/cli'], client)
    }
    t.match(script, /@\d+\.\d+\.\d+/, client)
  }
  t.end()
})
