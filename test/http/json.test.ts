import t from 'tap'
import { parseJson } from '../../src/http/json.ts'
import { createApp } from '../support/app.ts'

const parse = (text: string) => parseJson(Buffer.from(text))
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const malformed = { code: 'MALFORMED_REQUEST' }

t.test('parseJson reads valid JSON', async (t) => {
  t.strictSame(parse('{"a":[1,-2.5,1e3,17500.33,"\\ud83d\\ude00",true,null],"b":{}}'), {
    a: [1, -2.5, 1000, 17_500.33, '😀', true, null],
    b: {},
  })
})

t.test('parseJson refuses text that is not JSON', async (t) => {
  const texts = [
    '{',
    '{"a":1',
    '{"a":.5}',
    '{"a":5.}',
    '{"a":01}',
    '{"a":1_000}',
    '{"a":NaN}',
    '{"a":0x1}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":"\t"}',
    '{}{}',
    '//',
  ]

  for (const text of texts) t.throws(() => parse(text), malformed, text)
})

t.test('parseJson refuses bytes that are not UTF-8', async (t) => {
  for (const bytes of ['c3', 'c080', 'eda080', 'f5808080', 'ff', 'fffe7b007d00']) {
    t.throws(() => parseJson(Buffer.from(bytes, 'hex')), malformed, bytes)
  }
})

t.test('parseJson refuses names and values that PostgreSQL cannot store', async (t) => {
  const texts = [
    '"\\u0000"',
    '{"a":"x\\u0000"}',
    '{"\\u0000":1}',
    '"\\ud800"',
    '["\\udc00"]',
    '{"\\ud83d":1}',
  ]

  for (const text of texts) t.throws(() => parse(text), malformed, text)
})

t.test('parseJson refuses numbers that a double would change', async (t) => {
  const changed = [
    '1e400',
    '-1e400',
    '1e-400',
    '9007199254740993',
    '12345678901234567890',
    '0.1234567890123456789',
    '17500.330000000000001',
  ]
  const kept = ['9007199254740991', '0.30000000000000004', '1e15', '1.5e-7', '-0.25', '5e-324']

  for (const text of changed) t.throws(() => parse(`{"metadata":{"n":${text}}}`), malformed, text)
  for (const text of kept) t.strictSame(parse(`[${text}]`), [Number(text)], text)
})

t.test('parseJson refuses more than 24 levels of nesting', async (t) => {
  t.ok(parse(nested(24)))
  t.throws(() => parse(nested(25)), malformed)
  t.throws(() => parse(nested(20_000)), malformed)
  t.throws(() => parse('['.repeat(500_000)), malformed)
  for (const number of ['1e1', '0.1234567890123456', '9007199254740991']) {
    t.throws(() => parse(`[${number},${nested(20_000)}]`), malformed, number)
    t.throws(() => parse(`{"n":${number},"a":${'{"a":'.repeat(100_000)}`), malformed, number)
  }
})

t.test('parseJson refuses members that could reach a prototype and accepts ordinary ones', async (t) => {
  t.throws(() => parse('{"a":{"__proto__":{"x":1}}}'), malformed)
  t.throws(() => parse('{"constructor":{"prototype":{"x":1}}}'), malformed)
  t.strictSame(parse('{"constructor":"ACME","prototype":1}'), { constructor: 'ACME', prototype: 1 })
})

t.test('a body of another type, charset or encoding is a 415', async (t) => {
  const { app, key } = await createApp(t)
  const send = async (headers: object, payload: string | Buffer = '{}') => {
    const answer = await app.inject({
      method: 'POST',
      url: '/partners',
      headers: { 'x-api-key': key, 'content-type': 'application/json', ...headers },
      payload,
    })
    return answer.statusCode
  }

  const types = [
    'text/plain',
    'application/xml',
    'application/vnd.api+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'application/json\ta',
    'application/json; charset=utf-16',
    'garbage',
  ]
  for (const type of types) t.equal(await send({ 'content-type': type }), 415, type)
  for (const encoding of ['gzip', 'br', 'deflate', 'identity, gzip', 'x']) {
    t.equal(await send({ 'content-encoding': encoding }), 415, encoding)
  }
  for (const type of [
    'APPLICATION/JSON; charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/json ; a=b',
  ]) {
    t.equal(await send({ 'content-type': type }), 400, type)
  }
})

t.test('an empty body is refused only by routes that require a body', async (t) => {
  const { app, key, call } = await createApp(t)
  await call('POST', '/deals', { id: 'd1', amount: 1, attribution_model: 'equal' })
  const headers = { 'x-api-key': key, 'content-type': 'application/json' }

  const needed = await app.inject({ method: 'POST', url: '/partners', headers, payload: '' })
  const unneeded = await app.inject({
    method: 'POST',
    url: '/attribution/d1/recalculate',
    headers,
    payload: '',
  })

  t.match(needed.json(), { status: 400, code: 'invalid_request' })
  t.equal(unneeded.statusCode, 200)
})

t.test('a body over a megabyte is a 413', async (t) => {
  const { call } = await createApp(t)

  const refused = await call('POST', '/partners', { name: 'x'.repeat(1_048_577) })

  t.match(refused.json(), { status: 413, code: 'payload_too_large' })
})
