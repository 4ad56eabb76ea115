import t from 'tap'
import { mergeObjects } from '../../src/values/merge-objects.ts'

t.test('mergeObjects merges objects deeply and replaces everything else', async (t) => {
  const base = { kept: 1, object: { kept: { a: 1 }, changed: { a: 1, b: 2 } }, list: [1, 2], gone: { a: 1 } }

  const merged = mergeObjects(base, { object: { changed: { b: 3 }, added: 4 }, list: [3], gone: null })

  t.strictSame(merged, {
    kept: 1,
    object: { kept: { a: 1 }, changed: { a: 1, b: 3 }, added: 4 },
    list: [3],
    gone: null,
  })
})

t.test('mergeObjects replaces a value of another kind and changes neither input', async (t) => {
  const base = { list: [1], text: 'a' }
  const change = { list: { a: 1 }, text: { b: 2 } }

  t.strictSame(mergeObjects(base, change), change)
  t.strictSame(base, { list: [1], text: 'a' })
})

t.test('mergeObjects takes a member named __proto__ as data', async (t) => {
  const merged = mergeObjects({ a: 1 }, JSON.parse('{"__proto__": {"b": 2}}') as object)

  t.equal(JSON.stringify(merged), '{"a":1,"__proto__":{"b":2}}')
  t.equal(Object.getPrototypeOf(merged), Object.prototype)
})
