import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { command, runCommand } from '../src/bin/command.ts'
import { redocly } from './redocly.ts'

const client = new URL('../sdk/client.ts', import.meta.url)

// Our own settings forbid what any strict project allows; test/sdk checks the client under those of its users.
const head = '// @ts-nocheck\n'

const sdk = command({
  does: 'Writes sdk/client.ts from openapi/openapi.json.',
  options: { check: { help: 'write nothing, and fail if the file is not current' } },
  async run({ check }) {
    const folder = await mkdtemp(join(tmpdir(), 'partner-attribution-sdk-'))
    try {
      const output = join(folder, 'client.ts')
      await redocly('generate-client', 'current', '--output', output)
      const text = head + (await readFile(output, 'utf8'))
      if (!check) return await writeFile(client, text)
      if ((await readFile(client, 'utf8')) === text) return
      throw new Error('sdk/client.ts is not what the document says: run npm run sdk.')
    } finally {
      await rm(folder, { recursive: true })
    }
  },
})

await runCommand('npm run sdk', sdk)
