import { parseJson } from '../src/http/json.ts'

const rounds = 101
const sizes = [100_000, 1_000_000]

/** Writes a list of about `bytes` bytes that repeats one item. */
function listOf(item: string): (bytes: number) => string {
  return (bytes) => `[${Array.from({ length: Math.ceil(bytes / (item.length + 1)) }, () => item).join(',')}]`
}

const event = JSON.stringify({
  id: 'evt-000123',
  deal_id: 'deal-77',
  partner_id: 'p42',
  touchpoint_type: 'demo',
  timestamp: '2025-03-01T12:00:00.000Z',
  metadata: { source: 'bench', score: 0.25, n: 123 },
})
const texts: Readonly<Record<string, (bytes: number) => string>> = {
  'batch of events': (bytes) => `{"events":${listOf(event)(bytes)}}`,
  'batch, indented': (bytes) => JSON.stringify(JSON.parse(listOf(event)(bytes)), null, 2),
  'small numbers': listOf('1'),
  'exponents, 1e1': listOf('1e1'),
  'long decimals': listOf('0.12345678901234567'),
  '16-digit integers': listOf('1234567890123456'),
  'nested lists': listOf(`${'['.repeat(20)}${']'.repeat(20)}`),
  escapes: listOf(String.raw`"a \"quoted\" line\n\u00e9\ud83d\ude00"`),
  'short strings': listOf('"abcdefghij"'),
  'strings of 1 kB': listOf(JSON.stringify('x'.repeat(1000))),
  'one big string': (bytes) => JSON.stringify('x'.repeat(bytes)),
}

function time(work: () => unknown): number {
  const begin = performance.now()
  work()
  return performance.now() - begin
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => (sorted[Math.floor(part * sorted.length)] as number).toFixed(2)
  return `${at(0.5)} (${at(0.25)}–${at(0.75)})`
}

// Both decode the bytes of a body first, which alone takes as long as JSON.parse of a big string.
console.log(
  `parseJson as a multiple of JSON.parse from bytes: median (quartiles) of ${rounds} alternating rounds`,
)
for (const [name, write] of Object.entries(texts)) {
  const columns = sizes.map((bytes) => {
    const body = Buffer.from(write(bytes))
    const ratios: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const plain = time(() => JSON.parse(body.toString()))
      ratios.push(time(() => parseJson(body)) / plain)
    }
    return `${bytes / 1000} kB ${spread(ratios)}`.padEnd(28)
  })
  console.log(name.padEnd(18), ...columns)
}
