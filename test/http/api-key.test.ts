import t from 'tap'
import { generateApiKey, hashApiKey } from '../../src/http/api-key.ts'

t.test('a key is sk_, 192 random bits and a checksum, and is unique', async (t) => {
  const keys = Array.from({ length: 1000 }, generateApiKey)

  t.ok(keys.every((key) => /^sk_[A-Za-z0-9_-]{32}[0-9a-f]{8}$/.test(key)))
  t.equal(new Set(keys).size, 1000)
})

t.test('hashApiKey returns 32 bytes for a key', async (t) => {
  const stored = hashApiKey(generateApiKey())

  t.equal(stored?.length, 32)
})

t.test('hashApiKey refuses a key with one character changed', async (t) => {
  const key = generateApiKey()
  const mistyped = key
    .split('')
    .map((character, at) => key.slice(0, at) + (character === 'a' ? 'b' : 'a') + key.slice(at + 1))

  t.strictSame(
    mistyped.filter((text) => hashApiKey(text) !== undefined),
    [],
  )
})

t.test('hashApiKey refuses text that is not a key', async (t) => {
  for (const text of [
    '',
    'sk_',
    `${generateApiKey()} `,
    generateApiKey().toUpperCase(),
    'sk_'.repeat(10_000),
  ]) {
    t.equal(hashApiKey(text), undefined)
  }
})
