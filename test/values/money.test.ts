import t from 'tap'
import * as fc from 'fast-check'
import { exponentOf, formatMoney, toDecimal, toMajor, toMinor } from '../../src/values/money.ts'

t.test('exponentOf gives the number of decimals of a currency', async (t) => {
  t.strictSame(
    ['USD', 'JPY', 'KWD', 'CLF', 'ISK', 'HUF', 'HRK', 'XAU'].map(exponentOf),
    [2, 0, 3, 4, 0, 2, 2, 0],
  )
})

t.test('money of an unknown currency is neither read nor written', async (t) => {
  for (const code of ['XFO', 'ABC', 'usd', 'constructor']) {
    for (const read of [
      () => exponentOf(code),
      () => toMajor(1n, code),
      () => toDecimal(1n, code),
      () => formatMoney(1n, code),
    ])
      t.throws(read, { message: `No decimals are known for the currency ${code}.` })
  }
})

t.test('toDecimal and formatMoney are exact at any size', async (t) => {
  const huge = 2n ** 80n + 1n
  const amounts = [
    [0n, 'USD', '0', 'USD 0.00'],
    [5n, 'USD', '0.05', 'USD 0.05'],
    [-9050n, 'USD', '-90.5', 'USD -90.50'],
    [4_000_000n, 'USD', '40000', 'USD 40,000.00'],
    [12_345n, 'KWD', '12.345', 'KWD 12.345'],
    [100n, 'JPY', '100', 'JPY 100'],
    [huge, 'USD', '12089258196146291747061.77', 'USD 12,089,258,196,146,291,747,061.77'],
  ] as const

  for (const [minor, currency, text, formatted] of amounts)
    t.strictSame([toDecimal(minor, currency), formatMoney(minor, currency)], [text, formatted])
})

t.test('toMinor converts amounts exactly', async (t) => {
  t.strictSame(
    [17_500.33, 0.01, 1.1, 100, 4_503_599_627_370.5, 9_999_999_999_999.99].map((amount) =>
      toMinor(amount, 2),
    ),
    [1_750_033n, 1n, 110n, 10_000n, 450_359_962_737_050n, 999_999_999_999_999n],
  )
  t.strictSame(
    [toMinor(1e15, 0), toMinor(999_999_999_999_999, 0), toMinor(1.001, 3)],
    [undefined, 999_999_999_999_999n, 1001n],
  )
})

t.test('toMinor returns undefined for values that need rounding or are not amounts', async (t) => {
  const wrong = [
    0,
    -0,
    -1,
    0.001,
    0.005,
    1.005,
    0.1 + 0.2,
    1e-7,
    5e-324,
    1e21,
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ]

  for (const amount of wrong) t.equal(toMinor(amount, 2), undefined, String(amount))
  t.equal(toMinor(1.5, 0), undefined)
})

t.test('toMinor reads back each amount that toMajor writes', async (t) => {
  const currency = fc.constantFrom('USD', 'JPY', 'KWD', 'CLF')
  const property = fc.property(
    currency,
    fc.bigInt({ min: 1n, max: 999_999_999_999_999n }),
    (currency, minor) => {
      const sent = toMajor(minor, currency)
      return toMinor(sent, exponentOf(currency)) === minor
    },
  )

  t.doesNotThrow(() => fc.assert(property, { numRuns: 100_000 }))
})

t.test('toMajor is exact for sums up to 5,000,000,000,000,000 minor units', async (t) => {
  const property = fc.property(
    fc.constantFrom('USD', 'JPY', 'KWD', 'CLF'),
    fc.bigInt({ min: 0n, max: 5_000_000_000_000_000n }),
    (currency, minor) => {
      const digits = exponentOf(currency)
      return toMajor(minor, currency).toFixed(digits) === toFixed(minor, digits)
    },
  )

  t.doesNotThrow(() =>
    fc.assert(property, { numRuns: 100_000, examples: [['CLF', 5_000_000_000_000_000n - 1n]] }),
  )
})

function toFixed(minor: bigint, digits: number): string {
  const text = String(minor).padStart(digits + 1, '0')
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`
}
