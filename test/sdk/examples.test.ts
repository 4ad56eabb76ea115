import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { client, OPERATIONS } from '../../sdk/client.ts'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import type { Example, Examples } from '../../src/openapi/contract.ts'
import { createFreshService, createTranslation, mask } from '../support/examples.ts'

type Answer = { readonly data: unknown; readonly error: unknown; readonly response: Response }
type Method = (args: object) => Promise<Answer>

const shown: Examples = examples
const isRecording = process.env['RECORD_EXAMPLES'] === 'on'

t.test('there is an example of every operation', (t) => {
  t.strictSame(Object.keys(OPERATIONS).toSorted(), Object.keys(shown).toSorted())
  t.end()
})

t.test('the generated client gets the documented answer of every example', async (t) => {
  const { url, key } = await createFreshService(t)
  client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })
  const translation = createTranslation()
  const recorded: Record<string, Example> = {}

  for (const [operation, example] of Object.entries(shown)) {
    const request = translation.translate(example)
    const method = Reflect.get(client, operation) as Method
    const first = await send(method, request)
    const second = 'again' in example ? await send(method, request) : undefined
    recorded[operation] = { ...request, ...first, ...(second && { again: second.answer }) }
    translation.learn(example.answer, first.answer)

    if (isRecording) continue
    t.strictSame(mask(recorded[operation]), mask(example), operation)
    if (second !== undefined) t.equal(second.status, 200, `${operation} again`)
  }

  // All are written or none, so that they tell of one run.
  const isChanged = JSON.stringify(mask(recorded)) !== JSON.stringify(mask(shown))
  if (isRecording && isChanged) {
    await writeFile(
      new URL('../../src/openapi/examples.json', import.meta.url),
      `${JSON.stringify(recorded, hideSecret, 2)}\n`,
    )
  }
})

function hideSecret(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith('sk_') ? 'sk_shown-this-once' : value
}

async function send(method: Method, { params: path, query, body }: Example) {
  const { data, error, response } = await method({ path, query, body })
  return { status: response.status, answer: data ?? error }
}
