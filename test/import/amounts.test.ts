import t from 'tap'
import { readMoney, readNumber } from '../../src/import/amounts.ts'

t.test('an amount is read with thousands separators, signs and codes', async (t) => {
  t.strictSame(readMoney('1234.50', false), { number: 1234.5 })
  t.strictSame(readMoney('1,234.56', false), { number: 1234.56 })
  t.strictSame(readMoney('12,34,567.89', false), { number: 1234567.89 })
  t.strictSame(readMoney("1'234.50", false), { number: 1234.5 })
  t.strictSame(readMoney('1\u202f234\u202f567', false), { number: 1234567 })
  t.strictSame(readMoney('$1,234.56', false), { number: 1234.56, sign: '$' })
  t.strictSame(readMoney('-$5', false), { number: -5, sign: '$' })
  t.strictSame(readMoney('US$ 5', false), { number: 5, sign: 'US$' })
  t.strictSame(readMoney('CHF 5', false), { number: 5, sign: 'CHF', currency: 'CHF' })
  t.strictSame(readMoney('1e3', false), { number: 1000 })
  t.strictSame(readMoney('1.234,56 €', true), { number: 1234.56, sign: '€', currency: 'EUR' })
  t.strictSame(readMoney('1234,5', true), { number: 1234.5 })
  t.strictSame(readMoney('1.234', true), { number: 1234 })
})

t.test('a number that could mean two things is refused', async (t) => {
  for (const text of [
    '1,5',
    '1.234,56',
    '1,2345',
    '1,234 567',
    '12 34',
    '1 2',
    '',
    'EUR',
    '1-2',
    '€5€',
    '(5)',
    '0x10',
    '1,,234',
  ])
    t.ok('wanted' in readMoney(text, false), text)
  for (const text of ['1.5', '1,234.56', '1e3', '1,2,3']) t.ok('wanted' in readMoney(text, true), text)
  t.match(readMoney('1.234,56', false), { wanted: /for a decimal comma, add --decimal-comma/ })
})

t.test('a number that a double would change is refused', async (t) => {
  t.strictSame(readNumber('999999999999999', false), { number: 999_999_999_999_999 })
  t.strictSame(readNumber('0.10', false), { number: 0.1 })
  t.strictSame(readNumber('17500.330000000000000', false), { number: 17500.33 })
  t.strictSame(readNumber('17500.330000000000001', false), {
    wanted: 'must be a number of at most 15 digits',
  })
})
