import t from 'tap'
import * as fc from 'fast-check'
import { type PageQuery, readPageStart, toPage } from '../../src/values/pagination.ts'

const rows = [['a'], ['b'], ['c']] as const
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const keyOf = (row: readonly string[]) => row

t.test('toPage gives the cursor of the next page', async (t) => {
  const start = readPageStart({ limit: 2 }, 1)

  const { page, pagination } = toPage(rows, start, keyOf)

  t.strictSame(page, [['a'], ['b']])
  t.match(pagination, { limit: 2, offset: 0, next_cursor: String })
  const next = readPageStart({ limit: 2, cursor: String(pagination.next_cursor) }, 1)
  t.strictSame(next, { limit: 2, offset: null, key: ['b'] })
})

t.test('toPage gives the total on the last page by offset', async (t) => {
  const totalOf = (rows: readonly (readonly string[])[], query: PageQuery) =>
    toPage(rows, readPageStart(query, 1), keyOf).pagination.total

  t.equal(totalOf(rows, { limit: 2, offset: 4 }), undefined)
  t.equal(totalOf(rows, { limit: 3, offset: 4 }), 7)
  t.equal(totalOf([], {}), 0)
  t.equal(totalOf([], { offset: 4 }), undefined)
  t.equal(toPage(rows, { ...readPageStart({ limit: 2 }, 1), total: 9 }, keyOf).pagination.total, 9)
})

t.test('toPage gives no cursor on the last page', async (t) => {
  t.equal(toPage(rows, readPageStart({ limit: 3 }, 1), keyOf).pagination.next_cursor, null)
  t.equal(toPage([], readPageStart({}, 1), keyOf).pagination.next_cursor, null)
})

t.test('a cursor keeps the sort key of a row, whatever its characters', async (t) => {
  const property = fc.property(
    fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 3 }),
    (key) => {
      const { pagination } = toPage([key, key], readPageStart({ limit: 1 }, key.length), keyOf)
      const { key: read } = readPageStart({ cursor: String(pagination.next_cursor) }, key.length)
      t.strictSame(read, key)
    },
  )

  fc.assert(property)
})

t.test('readPageStart refuses text that is not a cursor of this list', async (t) => {
  const { pagination } = toPage(
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    readPageStart({ limit: 1 }, 2),
    keyOf,
  )
  const cursor = String(pagination.next_cursor)
  const refused = { code: 'INVALID_REQUEST', faults: [{ pointer: 'cursor' }] }

  for (const text of [
    'a',
    'AAAA',
    '_',
    encode(['a', 'b']),
    encode(['infinity', 'a']),
    encode({ a: 1 }),
    encode(null),
    cursor.slice(1),
  ]) {
    t.throws(() => readPageStart({ cursor: text }, 2), refused, text)
  }
  t.throws(() => readPageStart({ cursor }, 1), refused)
  t.throws(() => readPageStart({ cursor, offset: 0 }, 2), refused)
})
