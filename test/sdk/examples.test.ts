import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { client, OPERATIONS } from '../../sdk/client.ts'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import type { Examples } from '../../src/openapi/contract.ts'
import { createFreshService, createTranslation, mask } from '../support/examples.ts'

type Answer = { readonly data: unknown; readonly error: unknown; readonly response: Response }
type Method = (args: object) => Promise<Answer>

const shown: Examples = examples
const isRecording = process.env['RECORD_EXAMPLES'] === 'on'

t.test('there is an example of every operation', (t) => {
  t.strictSame(Object.keys(OPERATIONS).toSorted(), Object.keys(shown).toSorted())
  t.end()
})

t.test('every example is what the service answers, through the generated client', async (t) => {
  const { url, key } = await createFreshService(t)
  client.configure({ serverUrl: url, auth: { apiKey: { apiKey: key } } })
  const translation = createTranslation()
  const answers: Record<string, object> = {}

  for (const [operation, example] of Object.entries(shown)) {
    const { params: path, query, body } = translation.translate(example)
    const method = Reflect.get(client, operation) as Method
    const { data, error, response } = await method({ path, query, body })
    const answer = data ?? error

    if (!isRecording) {
      t.equal(response.status, example.status, operation)
      t.strictSame(mask(answer), mask(example.answer), operation)
    }
    translation.learn(example.answer, answer)
    const isSame = JSON.stringify(mask(answer)) === JSON.stringify(mask(example.answer))
    answers[operation] = isSame ? example : { ...example, status: response.status, answer }
  }

  if (isRecording) {
    await writeFile(
      new URL('../../src/openapi/examples.json', import.meta.url),
      `${JSON.stringify(answers, null, 2)}\n`,
    )
  }
})
