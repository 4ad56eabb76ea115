import { isCurrency } from '../values/currencies.ts'

/** A number that was read from a cell, with the currency that the cell names; or what the cell must be. */
type ReadNumber =
  | { readonly number: number; readonly currency?: string | undefined; readonly sign?: string }
  | { readonly wanted: string }

const blank = " \\u00a0\\u202f'’"
// The groups of a number have one separator. Groups of two digits are Indian: 12,34,567.
const forms = {
  point: new RegExp(
    `^[+-]?(?:\\d+|\\d{1,3}([,${blank}])\\d{3}(?:\\1\\d{3})*|\\d{1,2}(?:,\\d{2})+,\\d{3})(?:\\.\\d+)?$`,
    'u',
  ),
  comma: new RegExp(`^[+-]?(?:\\d+|\\d{1,3}([.${blank}])\\d{3}(?:\\1\\d{3})*)(?:,\\d+)?$`, 'u'),
}
const exponent = /^[+-]?\d+(?:\.\d+)?[eE][+-]?\d+$/

/** Reads a number as spreadsheets write it: with thousands separators, and a decimal comma if `isComma`. */
export function readNumber(text: string, isComma: boolean): ReadNumber {
  const plain = text.trim()
  const isPlain = !isComma && exponent.test(plain)
  if (!isPlain && !forms[isComma ? 'comma' : 'point'].test(plain))
    return { wanted: wantedNumber(plain, isComma) }
  const digits = isPlain ? plain : toDigits(plain, isComma)
  const number = Number(digits)
  if (!isPlain && !isSame(digits, number)) return { wanted: 'must be a number of at most 15 digits' }
  return { number }
}

const money = /^(?<minus>-?)(?<before>[^\d+-]*)(?<digits>[+-]?\d(?:.*\d)?)(?<after>\D*)$/u

/** Reads an amount of money: a number, with the sign or the code of a currency before or after it. */
export function readMoney(text: string, isComma: boolean): ReadNumber {
  const { minus = '', before = '', digits = '', after = '' } = money.exec(text.trim())?.groups ?? {}
  const units = [before, after].map((part) => part.trim()).filter((part) => part !== '')
  const read = readNumber(`${minus}${digits}`, isComma)
  if ('wanted' in read) return { wanted: wantedNumber(text.trim(), isComma) }
  const [sign] = units
  if (sign === undefined) return read
  if (units.length > 1 || !/^(?:\p{L}|\p{Sc}|\.)+$/u.test(sign))
    return { wanted: wantedNumber(text.trim(), isComma) }
  const currency = sign === '€' ? 'EUR' : isCurrency(sign) ? sign : undefined
  return { number: read.number, sign, ...(currency !== undefined && { currency }) }
}

function toDigits(text: string, isComma: boolean): string {
  const [whole = '', fraction] = text.split(isComma ? ',' : /\.(?=\d+$)/)
  const digits = whole.replace(/[^\d-]/g, '')
  return fraction === undefined ? digits : `${digits}.${fraction}`
}

/** Whether a double keeps all digits of a decimal text. */
function isSame(digits: string, number: number): boolean {
  const [whole = '', fraction = ''] = digits.replace('-', '').split('.')
  const significant = `${whole}${fraction.replace(/0+$/, '')}`.replace(/^0+/, '')
  return significant.length <= 15 || String(Math.abs(number)) === digits.replace('-', '')
}

function wantedNumber(text: string, isComma: boolean): string {
  if (isComma) return 'must be a number such as 1234,56 or 1.234,56 (--decimal-comma is set)'
  const hint = /,\d+$/.test(text) ? '; for a decimal comma, add --decimal-comma' : ''
  return `must be a number such as 1234.56 or 1,234.56${hint}`
}
