import { readFile, writeFile } from 'node:fs/promises'
import { command, runCommand } from '../src/bin/command.ts'
import { catalogue } from '../src/errors.ts'
import { errorsIntroduction, titleOf } from '../src/openapi/errors-page.ts'

const file = new URL('../docs/errors.md', import.meta.url)

const errors = command({
  does: 'Writes docs/errors.md from src/errors.ts.',
  options: { check: { help: 'write nothing, and fail if the file is not current' } },
  async run({ check }) {
    const text = writePage()
    if (!check) return writeFile(file, text)
    if ((await readFile(file, 'utf8').catch(() => '')) === text) return
    throw new Error('docs/errors.md differs from src/errors.ts: run npm run errors.')
  },
})

function writePage(): string {
  const entries = catalogue.map(
    (entry) =>
      `## ${entry.code}\n\n${titleOf(entry)}\n\n- **When it happens:** ${entry.when}\n- **What to do:** ${entry.remedy}\n`,
  )
  return `# Errors

${errorsIntroduction}

This file is made from \`src/errors.ts\` by \`npm run errors\`. A service shows the same page at \`/docs/errors\`.

${entries.join('\n')}`
}

await runCommand('npm run errors', errors)
