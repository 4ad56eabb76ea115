import t from 'tap'
import * as fc from 'fast-check'
import { Id, Text } from '../../src/values/schemas.ts'
import { readDocument } from '../support/openapi-document.ts'

// The same rules as they were before, with look-ahead.
const idRule = /^(?!\.{1,2}$)[!-~](?:[ -~]*[!-~])?$/u
// oxlint-disable-next-line no-control-regex -- the rule is about control characters
const textRule = /^(?!\s*$)[^\u0000-\u001f\u007f]*$/u
const id = new RegExp(String(Id.pattern), 'u')
const text = new RegExp(String(Text(100).pattern), 'u')

const ids = [
  '.',
  '..',
  '...',
  '....',
  '.a',
  '..a',
  'a.',
  'a..',
  '.-',
  '..~',
  '.:',
  'a.b',
  '-',
  '~',
  '_',
  ':',
  'a b',
  '#1',
  'a/b',
  '%',
  '"',
  './',
  '../',
]
const noIds = ['', ' ', ' a', 'a ', 'a\tb', '.\n', '..\n', 'a\n', '\na', 'é', '\0', 'a\0']
const blanks = [' ', '  ', '\t', '\n', '\v', '\f', '\r', '\u00a0', '\u1680', '\u2000', '\u2003', '\u200a']
const otherBlanks = ['\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff', ' \u00a0\u3000 ']
const seenAsText = ['\u200b', '\u0085', '\u180e', '\u2800', '\u00ad', '\ud800', 'é', '👩‍👩‍👧']
const controls = ['\0', '\u0007', '\u001b', '\u001f', '\u007f', '\u0080', '\u009f']
const pieces = [...ids, ...noIds, ...blanks, ...otherBlanks, ...seenAsText, ...controls, 'a', 'A', '0']
const pairs = pieces.flatMap((one) => pieces.map((other) => one + other))

t.test('an id is refused exactly when the rule with look-ahead refuses it', (t) => {
  t.strictSame(
    pairs.filter((value) => id.test(value) !== idRule.test(value)),
    [],
  )
  const drawn = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom('.', 'a', '-', '/', ' ', '\n')).map((all) => all.join('')),
  )

  fc.assert(
    fc.property(drawn, (value) => id.test(value) === idRule.test(value)),
    { numRuns: 20_000 },
  )
  t.end()
})

t.test('a text is refused exactly when the rule with look-ahead refuses it', (t) => {
  t.strictSame(
    pairs.filter((value) => text.test(value) !== textRule.test(value)),
    [],
  )
  const drawn = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...pieces)).map((all) => all.join('')),
  )

  fc.assert(
    fc.property(drawn, (value) => text.test(value) === textRule.test(value)),
    { numRuns: 20_000 },
  )
  t.end()
})

t.test('every single character is taken or refused as before, alone and beside another', (t) => {
  const differing: number[] = []
  for (let point = 0; point <= 0x10ffff; point++) {
    const character = String.fromCodePoint(point)
    const values = [character, `${character}a`, `a${character}`, ` ${character}`, `.${character}`]
    const isSame = (value: string) =>
      id.test(value) === idRule.test(value) && text.test(value) === textRule.test(value)
    if (!values.every(isSame)) differing.push(point)
  }

  t.strictSame(differing, [])
  t.end()
})

t.test('a megabyte that almost matches is refused in one pass', (t) => {
  const million = 1_000_000
  for (const unit of [' ', '\u00a0', 'x', ' x', '.', 'a.'])
    for (const end of ['\0', '\n', '/', ' ']) {
      const value = unit.repeat(million) + end
      // A pattern that backtracks over so much text would take hours.
      t.equal(id.test(value), end === '/' && /^[x.a]/.test(unit))
      t.equal(text.test(value), end === '/' || (end === ' ' && /[x.]/.test(unit)))
    }
  t.end()
})

t.test('no pattern of the document has what RE2 refuses', async (t) => {
  const patterns = new Set<string>()
  JSON.stringify(await readDocument(t), (name, value: unknown) => {
    if (name === 'pattern' && typeof value === 'string') patterns.add(value)
    return value
  })

  t.ok(patterns.size > 4)
  for (const pattern of patterns) {
    t.notMatch(pattern, /\(\?(?!:)/, 'look-around, named groups and flags')
    t.notMatch(pattern, /\\[1-9ckpu]/i, 'back-references and escapes that other engines do not know')
  }
})
