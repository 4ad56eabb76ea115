import t from 'tap'
import examples from '../../src/openapi/examples.json' with { type: 'json' }
import { readDocument } from '../support/openapi-document.ts'
import { createFreshService } from '../support/examples.ts'

interface Block {
  readonly kind: string
  readonly text: string
}

t.test('the journey at the head of the document works as written', async (t) => {
  const { info } = await readDocument(t)
  const { app, key: adminKey } = await createFreshService(t)
  const blocks = [...(info.description ?? '').matchAll(/```(\w+)\n(.*?)```/gs)].map(
    ([, kind = '', text = '']): Block => ({ kind, text }),
  )
  let key = adminKey
  let answer: unknown

  for (const { kind, text } of blocks) {
    if (kind === 'json') {
      t.match(answer, JSON.parse(text) as object)
      continue
    }
    const [line = '', payload] = text.trimEnd().split('\n')
    const [method = '', url = ''] = line.split(' ')
    const headers = { 'x-api-key': key, ...(payload && { 'content-type': 'application/json' }) }
    const sent = await app.inject({ method: method as 'GET', url, headers, ...(payload && { payload }) })
    t.equal(sent.statusCode, method === 'POST' ? 201 : 200, line)
    answer = sent.json()
    if (url === '/api-keys') key = sent.json<{ api_key: { key: string } }>().api_key.key
  }

  t.ok(blocks.length > 8)
  t.not(key, adminKey)
})

t.test('the journey sends what the examples send, so that both can be tried in one service', async (t) => {
  const { info } = await readDocument(t)
  const { createPartner, trackEvent, closeDeal } = examples

  for (const { body } of [createPartner, trackEvent, closeDeal]) {
    t.ok(compact(info.description).includes(compact(JSON.stringify(body))), body.id)
  }
})

function compact(text = ''): string {
  return text.replace(/\s/g, '')
}
