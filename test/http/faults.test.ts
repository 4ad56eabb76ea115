import t from 'tap'
import { createApp, type TestApp } from '../support/app.ts'

const touch = { partner_id: 'p1', deal_id: 'd1', touchpoint_type: 'demo' }
const mostBytes = 65_536

interface Problem {
  readonly code: string
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]
}

/** Sends a raw body and returns the problem and the size of the answer. */
async function refuse(
  { app, key }: TestApp,
  url: string,
  payload: string,
): Promise<Problem & { bytes: number }> {
  const headers = { 'x-api-key': key, 'content-type': 'application/json' }
  const answer = await app.inject({ method: 'POST', url, headers, payload })
  return { ...answer.json<Problem>(), bytes: answer.rawPayload.length }
}

function members(count: number, value = '0'): string {
  return Array.from({ length: count }, (_, n) => `"a${n.toString(36)}":${value}`).join()
}

function rows(count: number, item: string): string {
  return `{"events":[${Array(count).fill(item).join()}]}`
}

function words(count: number): string {
  return Array.from({ length: count }, (_, n) => `"${n}"`).join()
}

t.test('an answer names at most ten unknown properties of an object', async (t) => {
  const service = await createApp(t)
  const open = JSON.stringify(touch).slice(1, -1)

  for (const [url, body] of [
    ['/events', `{${open},${members(30)}}`],
    ['/events', `{${open},${members(100_000)}}`],
    ['/partners', `{"name":"x","email":"x@x.example",${members(100_000)}}`],
    ['/attribution/simulate', `{${members(100_000)}}`],
  ] as const) {
    const { code, errors, bytes } = await refuse(service, url, body)
    t.equal(code, 'invalid_request')
    t.equal(errors.filter(({ detail }) => /is unknown/.test(detail)).length, 10)
    t.ok(bytes < mostBytes, `${errors.length} errors, ${bytes} bytes`)
  }
})

t.test('an answer names at most 100 faults and stays below 64 kB', async (t) => {
  const service = await createApp(t)
  const name = '\\u0001"é~/'.replace('"', '\\"').repeat(20)
  const row = `{${Array.from({ length: 20 }, (_, n) => `"${n}${name}":0`).join()}}`

  for (const body of [rows(200, row), rows(1000, '{}'), rows(1000, '1'), rows(999, `{${members(100)}}`)]) {
    const { code, errors, bytes } = await refuse(service, '/events/batch', body)
    t.equal(code, 'invalid_request')
    t.equal(errors.length, 100)
    t.ok(bytes < mostBytes, `${bytes} bytes`)
  }
})

t.test('an answer truncates a property name of a megabyte', async (t) => {
  const service = await createApp(t)

  for (const character of ['x', '/', '~', 'é', '😀', '\\u0001', '\\"']) {
    const name = character.repeat(Math.floor(1_000_000 / Buffer.byteLength(character)))
    const { errors, bytes } = await refuse(service, '/events', `{"${name}":1}`)
    t.ok(errors.some(({ pointer }) => pointer.endsWith('…')))
    t.ok(bytes < 4096, `${bytes} bytes`)
  }
})

t.test('payout details and lists far above their limits get a single error', async (t) => {
  const service = await createApp(t)
  const partner = '"name":"x","email":"x@x.example"'

  for (const [url, body] of [
    ['/partners', `{${partner},"payout_details":{${members(80_000, '""')}}}`],
    ['/partners', `{${partner},"payout_details":{${members(80_000, '1')}}}`],
    ['/api-keys', `{"name":"x","scopes":[${words(100_000)}]}`],
    ['/attribution/simulate', `{"amount":1,"attribution_model":"equal","events":[${words(100_000)}]}`],
  ] as const) {
    const { errors, bytes } = await refuse(service, url, body)
    t.equal(errors.length, 1, body.slice(0, 50))
    t.ok(bytes < 1024, `${bytes} bytes`)
  }
})

t.test('metadata of half a million items is refused, whatever the items', async (t) => {
  const service = await createApp(t)

  for (const item of ['0', '""', '[]', '{}', 'null']) {
    const list = Array(Math.floor(1_000_000 / (item.length + 1)))
      .fill(item)
      .join()
    const body = `${JSON.stringify(touch).slice(0, -1)},"metadata":{"a":[${list}]}}`
    t.match(await refuse(service, '/events', body), {
      code: 'invalid_request',
      errors: [{ pointer: '/metadata' }],
    })
  }
})
