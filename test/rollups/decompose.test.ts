import * as fc from 'fast-check'
import t from 'tap'
import { decompose } from '../../src/rollups/decompose.ts'

function listPieces(first?: string, last?: string): readonly string[] {
  const days = { ...(first && { first }), ...(last && { last }) }
  return decompose(days).map(({ span, first, last }) => `${span} ${first} ${last}`)
}

t.test(
  'a period is days to the end of a month, months to the end of a year, years, months and days',
  async (t) => {
    t.strictSame(listPieces('2023-10-28', '2026-02-03'), [
      'day 2023-10-28 2023-10-31',
      'day 2026-02-01 2026-02-03',
      'month 2023-11-01 2023-12-31',
      'month 2026-01-01 2026-01-31',
      'year 2024-01-01 2025-12-31',
    ])
  },
)

t.test('a period without a whole year is months and days, one without a whole month is days', async (t) => {
  t.strictSame(listPieces('2024-01-31', '2024-12-30'), [
    'day 2024-01-31 2024-01-31',
    'day 2024-12-01 2024-12-30',
    'month 2024-02-01 2024-11-30',
  ])
  t.strictSame(listPieces('2024-01-31', '2024-02-28'), ['day 2024-01-31 2024-02-28'])
  t.strictSame(listPieces('2024-02-29', '2024-02-29'), ['day 2024-02-29 2024-02-29'])
})

t.test('a whole month or year is one span, and an open period is years', async (t) => {
  t.strictSame(listPieces('2024-02-01', '2024-02-29'), ['month 2024-02-01 2024-02-29'])
  t.strictSame(listPieces('2024-01-01', '2024-12-31'), ['year 2024-01-01 2024-12-31'])
  t.strictSame(listPieces(), ['year 1969-01-01 9999-12-31'])
  t.strictSame(listPieces('9999-12-31'), ['day 9999-12-31 9999-12-31'])
})

t.test('the spans of any period hold each of its days once, and are few', async (t) => {
  const day = 86_400_000
  const toDate = (at: number) => new Date(at * day).toISOString().slice(0, 10)
  const property = fc.property(fc.nat(20_000), fc.nat(2000), (start, length) => {
    const days = { first: toDate(start), last: toDate(start + length) }
    const pieces = decompose(days)
    const covered = pieces.flatMap(({ first, last }) => [Date.parse(first) / day, Date.parse(last) / day])
    const bounds = covered.toSorted((a, b) => a - b)
    const isWhole = pieces.every(({ span, first, last }) => {
      const next = toDate(Date.parse(last) / day + 1)
      const suffix = { day: '', month: '-01', year: '-01-01' }[span]
      return first.endsWith(suffix) && next.endsWith(suffix) && first <= last
    })
    const hasNoGap = bounds.every(
      (at, n) => n % 2 === 0 || n === bounds.length - 1 || bounds[n + 1] === at + 1,
    )
    const years = length / 365 + 1
    const rows = pieces.reduce((sum, { span, first, last }) => {
      const length = (Date.parse(last) - Date.parse(first)) / day + 1
      return sum + Math.ceil(length / { day: 1, month: 28, year: 365 }[span])
    }, 0)
    return (
      isWhole && hasNoGap && bounds[0] === start && bounds.at(-1) === start + length && rows <= 90 + years
    )
  })

  t.doesNotThrow(() => fc.assert(property, { numRuns: 20_000 }))
})
