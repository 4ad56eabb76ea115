import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { run } from '../src/bin/environment.ts'
import { catalogue } from '../src/errors.ts'
import { errorsIntroduction, titleOf } from '../src/openapi/errors-page.ts'

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const file = new URL('../docs/errors.md', import.meta.url)

await run(async () => {
  const text = writePage()
  if (!values.check) return writeFile(file, text)
  if ((await readFile(file, 'utf8').catch(() => '')) === text) return
  throw new Error('docs/errors.md differs from src/errors.ts: run npm run errors.')
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
