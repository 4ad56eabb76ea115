import { issueKey } from '../../src/api-keys/issue.ts'
import { scopes } from '../../src/api-keys/schemas.ts'
import type { Example } from '../../src/openapi/contract.ts'
import { createApp } from './app.ts'
import { connectAsOwner } from './database.ts'
import type { Test } from 'tap'

const generatedId = /\b(?:ptn|evt|deal|key|aud|app)_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g
// The last column of CSV, and the last member of a line of NDJSON.
const lastInstants = /(?<=,)[\dT:.-]+Z(?=\r\n)|[\dT:.-]+Z(?="}\n)/g
const generatedFields = /_at$|^(?:at|digest|month|request_id|next_cursor)$/

/** A listening service whose database holds only the first key, returned as `key`, and a partner to merge, p1-old. */
export async function createFreshService(t: Test) {
  const service = await createApp(t, { config: { DOCS: 'on' } })
  await connectAsOwner(t, service.url).deleteFrom('api_keys').execute()
  const { key } = await issueKey(service.db, {
    name: 'first admin key',
    scopes: [...scopes],
    rate_limit_max: 100_000,
  })
  const submission = Buffer.alloc(32)
  await service.db.insertInto('partners').values({ id: 'p1-old', name: 'Alice', submission }).execute()
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  return { ...service, key, url }
}

/** Masks the parts of an answer that differ in each run: generated ids, secrets and instants. */
export function mask(answer: unknown): unknown {
  return JSON.parse(
    JSON.stringify(answer, (name, value: unknown) => {
      if (name === 'last_used_at') return '<last_used_at>'
      if (typeof value !== 'string') return value
      if (generatedFields.test(name)) return `<${name}>`
      return value
        .replace(generatedId, '<id>')
        .replace(/^sk_.*/, '<secret>')
        .replace(lastInstants, '<instant>')
    }),
  )
}

/** Replaces the ids of the examples by those that the service has generated. */
export function createTranslation() {
  const ids = new Map<string, string>()
  return {
    learn(shown: unknown, real: unknown): void {
      const reals = idsOf(real)
      for (const [index, id] of idsOf(shown).entries()) ids.set(id, reals[index] ?? id)
    },
    translate(example: Example): Example {
      const { answer, again, ...request } = example
      const text = JSON.stringify(request).replace(generatedId, (id) => ids.get(id) ?? id)
      return { ...(JSON.parse(text) as Example), answer, ...(again !== undefined && { again }) }
    },
  }
}

function idsOf(value: unknown): readonly string[] {
  return JSON.stringify(value).match(generatedId) ?? []
}
