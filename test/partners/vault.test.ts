import t from 'tap'
import { createVault, parsePayoutKeys } from '../../src/partners/vault.ts'

const key = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const vaultOf = (text: string) => createVault(parsePayoutKeys(text))
const plain = Buffer.from('DE89370400440532013000')

t.test('a vault opens what it sealed and seals equal values differently', async (t) => {
  const vault = vaultOf(`a:${key(1)}`)

  const [first, second] = [vault.seal(plain, 'p1'), vault.seal(plain, 'p1')]

  t.notSame(first, second)
  t.strictSame([vault.open(first, 'p1'), vault.open(second, 'p1')], [plain, plain])
})

t.test('a value sealed for one partner does not open for another', async (t) => {
  const vault = vaultOf(`a:${key(1)}`)

  t.throws(() => vault.open(vault.seal(plain, 'p1'), 'p2'))
})

t.test('a vault refuses sealed values with a changed bit or missing bytes', async (t) => {
  const vault = vaultOf(`a:${key(1)}`)
  const sealed = vault.seal(plain, 'p1')

  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] as number) ^ 1
    t.throws(() => vault.open(changed, 'p1'), `byte ${at}`)
    t.throws(() => vault.open(sealed.subarray(0, at), 'p1'), `cut at ${at}`)
  }
})

t.test('the first key seals and every key opens', async (t) => {
  const sealed = vaultOf(`old:${key(1)}`).seal(plain, 'p1')
  const rotated = vaultOf(`new:${key(2)},old:${key(1)}`)

  t.strictSame(rotated.open(sealed, 'p1'), plain)
  t.strictSame(rotated.seal(plain, 'p1').subarray(0, 4), Buffer.from([3, ...Buffer.from('new')]))
})

t.test('a vault does not open without the right key and does not seal without any key', async (t) => {
  const sealed = vaultOf(`old:${key(1)}`).seal(plain, 'p1')

  t.throws(() => vaultOf(`new:${key(2)}`).open(sealed, 'p1'), { code: 'PAYOUT_KEYS_MISSING' })
  t.throws(() => vaultOf('').seal(plain, 'p1'), { code: 'PAYOUT_KEYS_MISSING' })
})

t.test('parsePayoutKeys reads keys separated by commas or line breaks', async (t) => {
  const keys = parsePayoutKeys(`b:${key(2)},a:${key(1)}\n  c:${key(3)}\n`)

  t.strictSame([...keys.keys()], ['b', 'a', 'c'])
})

t.test('parsePayoutKeys refuses an invalid list without repeating it', async (t) => {
  const wrong = ['secret', `a:${key(1)},a:${key(2)}`, 'a:c2hvcnQ=', `a b:${key(1)}`, `:${key(1)}`]

  for (const text of wrong) t.throws(() => parsePayoutKeys(text), { message: /^PAYOUT_KEYS [^=]*$/ })
})
