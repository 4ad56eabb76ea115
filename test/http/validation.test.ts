import t from 'tap'
import { createApp } from '../support/app.ts'

const partner = { name: 'Acme', email: 'sales@acme.example' }

t.test('an answer names every fault of a body, but at most ten unknown properties', async (t) => {
  const { call } = await createApp(t)

  const three = await call('POST', '/partners', { nmae: 'Acme', email: 'nobody', 'a/b~c': 1 })
  const many = await call('POST', '/partners', {
    ...partner,
    ...Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`field${n}`, n])),
  })

  const pointers = three.json<{ errors: { pointer: string }[] }>().errors.map(({ pointer }) => pointer)
  t.strictSame(
    pointers.toSorted((a, b) => (a < b ? -1 : 1)),
    ['/a~1b~0c', '/email', '/name', '/nmae'],
  )
  t.equal(many.json<{ errors: object[] }>().errors.length, 10)
})

t.test('a list far above its limit gets a single error', async (t) => {
  const { call } = await createApp(t)

  const refused = await call('POST', '/events/batch', {
    unknown: 1,
    events: Array.from({ length: 500_000 }, () => 0),
  })

  t.equal(refused.statusCode, 400)
  t.equal(refused.json<{ errors: object[] }>().errors.length, 1)
})

t.test('a text of a megabyte that breaks its pattern is refused', async (t) => {
  const { call } = await createApp(t)

  // A pattern that backtracks would run for hours.
  for (const name of [`${'x'.repeat(1_000_000)}\u0007`, ' '.repeat(1_000_000)]) {
    const refused = await call('POST', '/partners', { ...partner, name })
    t.match(refused.json(), { status: 400, errors: [{ pointer: '/name' }, { pointer: '/name' }] })
  }
})

t.test('values in a body are not coerced', async (t) => {
  const { call } = await createApp(t)
  const deal = { amount: 1, attribution_model: 'equal' }

  for (const amount of ['1', ' 1 ', '0x10', '1e3', 'Infinity', '', true, null, [1], { value: 1 }]) {
    const refused = await call('POST', '/deals', { ...deal, amount })
    t.match(refused.json(), { status: 400, errors: [{ pointer: '/amount' }] })
  }
})

t.test('number parameters are accepted only as plain decimal digits', async (t) => {
  const { call } = await createApp(t)

  for (const limit of [
    '1.0',
    '1e1',
    '0x1',
    '+1',
    '01x',
    '1_0',
    'Infinity',
    'NaN',
    '',
    '%201',
    '1%20',
    '٣',
    '9'.repeat(20),
  ]) {
    const refused = await call('GET', `/partners?limit=${limit}`)
    t.match(refused.json(), { status: 400, errors: [{ pointer: 'limit' }] }, limit)
  }
})

t.test('unknown and repeated parameters are refused', async (t) => {
  const { call } = await createApp(t)

  for (const query of [
    'dael_id=x',
    'deal_id=a&deal_id=b',
    'deal_id[]=a',
    'deal_id[$ne]=a',
    '__proto__=x',
    'x=1%00',
  ]) {
    t.equal((await call('GET', `/events?${query}`)).statusCode, 400, query)
  }
})

t.test('an id in a path has 1 to 128 printable ASCII characters, and no blank at its ends', async (t) => {
  const { call } = await createApp(t)
  const answerTo = async (id: string) => (await call('GET', `/partners/${id}`)).statusCode

  for (const id of ['A_z.0:~-'.repeat(16), 'a%20b', '%2e%2e%2f', '%231001', "'%20OR%201=1--"])
    t.equal(await answerTo(id), 404, id)
  for (const id of [
    'x'.repeat(129),
    'x'.repeat(1025),
    '%20a',
    'a%20',
    'a%00b',
    '%C3%A9',
    '%ED%A0%80',
    '%F0%9F%98%80',
  ]) {
    t.equal(await answerTo(id), 400, id)
  }
})
