import t from 'tap'
import { createApp } from '../support/app.ts'

const mostCpuMicroseconds = 5_000_000
const partner = { name: 'Acme', email: 'sales@acme.example' }

t.test('every fault of a body is named, at most ten unknown properties among them', async (t) => {
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

t.test('a list far over its limit is refused for that alone, at once', async (t) => {
  const { call } = await createApp(t)
  const before = process.threadCpuUsage().user

  const refused = await call('POST', '/events/batch', {
    unknown: 1,
    events: Array.from({ length: 500_000 }, () => 0),
  })

  t.equal(refused.statusCode, 400)
  t.equal(refused.json<{ errors: object[] }>().errors.length, 1)
  t.ok(process.threadCpuUsage().user - before < mostCpuMicroseconds)
})

t.test('a text of a megabyte costs its pattern no time', async (t) => {
  const { call } = await createApp(t)
  const before = process.threadCpuUsage().user

  for (const name of [`${'x'.repeat(1_000_000)}\u0007`, ' '.repeat(1_000_000)]) {
    const refused = await call('POST', '/partners', { ...partner, name })
    t.match(refused.json(), { status: 400, errors: [{ pointer: '/name' }, { pointer: '/name' }] })
  }
  t.ok(process.threadCpuUsage().user - before < mostCpuMicroseconds)
})

t.test('nothing in a body is coerced', async (t) => {
  const { call } = await createApp(t)
  const deal = { amount: 1, attribution_model: 'equal' }

  for (const amount of ['1', ' 1 ', '0x10', '1e3', 'Infinity', '', true, null, [1], { value: 1 }]) {
    const refused = await call('POST', '/deals', { ...deal, amount })
    t.match(refused.json(), { status: 400, errors: [{ pointer: '/amount' }] })
  }
})

t.test('parameters are numbers only in their plain form', async (t) => {
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

t.test('a parameter that no route knows is refused, and so is one that comes twice', async (t) => {
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

t.test('an id in a path may have 128 characters of those that need no escape', async (t) => {
  const { call } = await createApp(t)
  const answerTo = async (id: string) => (await call('GET', `/partners/${id}`)).statusCode

  t.equal(await answerTo('A_z.0:~-'.repeat(16)), 404)
  for (const id of [
    'x'.repeat(129),
    'x'.repeat(1025),
    'a%00b',
    'a%20b',
    '%2e%2e%2f',
    '%C3%A9',
    "'%20OR%201=1--",
    '%ED%A0%80',
    '%F0%9F%98%80',
  ]) {
    const status = await answerTo(id)
    t.ok(status === 400 || status === 404, `${id}: ${status}`)
  }
})
