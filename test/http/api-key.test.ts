import t from 'tap'
import { generateApiKey, hashApiKey } from '../../src/http/api-key.ts'

t.test('a key reads sk_, 192 random bits and a checksum, and no two are the same', async (t) => {
  const keys = Array.from({ length: 1000 }, generateApiKey)

  t.ok(keys.every((key) => /^sk_[A-Za-z0-9_-]{32}[0-9a-f]{8}$/.test(key)))
  t.equal(new Set(keys).size, 1000)
})

t.test('what is stored of a key is its SHA-256', async (t) => {
  const stored = hashApiKey(generateApiKey())

  t.equal(stored?.length, 32)
})

t.test('a key with one character changed is known to be none without asking the database', async (t) => {
  const key = generateApiKey()
  const mistyped = key
    .split('')
    .map((character, at) => key.slice(0, at) + (character === 'a' ? 'b' : 'a') + key.slice(at + 1))

  t.strictSame(
    mistyped.filter((text) => hashApiKey(text) !== undefined),
    [],
  )
})

t.test('text that is no key at all has no hash', async (t) => {
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
