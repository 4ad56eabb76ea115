import * as fc from 'fast-check'
import { withFault } from './invalid-values.ts'
import type { Resolve, Schema } from './valid-values.ts'

// Values that are cheap to send and expensive for a service that copies, recurses or lists every error.
const sizes = fc.constantFrom(17, 25, 100, 1000, 10_000, 60_000)
const names = fc.constantFrom('x', '\u0001', 'é', '/', '~', '"', '\u{1f600}')
const numbers = fc.constantFrom('1e1', '-0', '0.5', '1e400', '12345678901234567890', '0.10000000000000000001')
const wrappers = fc.constantFrom(['[', ']'], ['{"a":', '}'], ['[1e1,', ']'], ['{"n":1e1,"a":', '}'])

/** JSON texts that are deep, long or wide. */
const oversized: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(sizes, wrappers, numbers)
    .map(([depth, [open, close], number]) => `${open?.repeat(depth)}${number}${close?.repeat(depth)}`),
  fc.tuple(sizes, wrappers).map(([depth, [open = '']]) => open.repeat(depth)),
  fc.tuple(sizes, numbers).map(([count, number]) => `[${Array(count).fill(number).join()}]`),
  fc.tuple(sizes, fc.constantFrom('{}', '[]', '""', 'null', '{"a":1}')).map(([count, item]) => {
    return `[${Array(count).fill(item).join()}]`
  }),
  sizes.map((count) => `{${Array.from({ length: count }, (_, n) => `"${n}":0`).join()}}`),
  fc.tuple(sizes, names).map(([length, name]) => `{${JSON.stringify(name.repeat(length))}:1}`),
  fc.tuple(sizes, names).map(([length, name]) => JSON.stringify(name.repeat(length))),
)
const marker = 'here, oversized'

/** Bodies in which one value, or the whole body, is oversized. */
export function oversizedTextsOf(schema: Schema, value: unknown, resolve: Resolve): fc.Arbitrary<string> {
  const plain = resolve(schema)
  const fields = [...Object.keys(plain.properties ?? {}), 'unknown']
  const wholes = fields.map((field) => JSON.stringify(withFault(value, { path: [field], value: marker })))
  return fc
    .tuple(fc.constantFrom(JSON.stringify(marker), ...wholes), oversized)
    .map(([whole, text]) => whole.replace(JSON.stringify(marker), () => text))
}
