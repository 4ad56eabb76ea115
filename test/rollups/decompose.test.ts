import t from 'tap'
import { coverOf, type Period } from '../../src/rollups/decompose.ts'

function cover({ from, before }: Period): readonly string[] {
  const { pieces, parts } = coverOf({ from, before })
  return [...parts, ...pieces].map((piece) =>
    `${piece.sign > 0 ? '+' : '-'} ${piece.of} ${piece.from} ${piece.before}`.replaceAll(
      'T00:00:00.000Z',
      '',
    ),
  )
}

t.test('a period is whole years, less or more the quarters, months and days at its ends', async (t) => {
  t.strictSame(cover({ from: '2023-11-28T00:00:00.000Z', before: '2026-02-03T00:00:00.000Z' }), [
    '+ day 2023-11-28 2023-12-01',
    '+ day 2026-02-01 2026-02-03',
    '+ month 2023-12-01 2024-01-01',
    '+ month 2026-01-01 2026-02-01',
    '+ year 2024-01-01 2026-01-01',
  ])
  t.strictSame(cover({ from: '2024-02-03T00:00:00.000Z', before: '2024-11-28T00:00:00.000Z' }), [
    '- day 2024-02-01 2024-02-03',
    '- day 2024-11-28 2024-12-01',
    '- month 2024-01-01 2024-02-01',
    '- month 2024-12-01 2025-01-01',
    '+ year 2024-01-01 2025-01-01',
  ])
})

t.test('a month is left out or taken in by thirds', async (t) => {
  t.strictSame(cover({ from: '2024-02-09T00:00:00.000Z', before: '2024-04-23T00:00:00.000Z' }), [
    '+ day 2024-02-09 2024-02-11',
    '+ day 2024-04-21 2024-04-23',
    '- dekad 2024-02-01 2024-02-11',
    '- dekad 2024-04-21 2024-05-01',
    '- month 2024-01-01 2024-02-01',
    '+ month 2024-04-01 2024-05-01',
    '+ quarter 2024-01-01 2024-04-01',
  ])
})

t.test('a short period is its days, or its third of a month less some days', async (t) => {
  t.strictSame(cover({ from: '2024-02-04T00:00:00.000Z', before: '2024-02-08T00:00:00.000Z' }), [
    '+ day 2024-02-04 2024-02-08',
  ])
  t.strictSame(cover({ from: '2024-02-22T00:00:00.000Z', before: '2024-02-29T00:00:00.000Z' }), [
    '- day 2024-02-21 2024-02-22',
    '- day 2024-02-29 2024-03-01',
    '+ dekad 2024-02-21 2024-03-01',
  ])
})

t.test(
  'days that begin at another hour than those of UTC are those of UTC, less or more some hours',
  async (t) => {
    t.strictSame(cover({ from: '2024-03-04T05:00:00.000Z', before: '2024-03-06T17:00:00.000Z' }), [
      '- hour 2024-03-04 2024-03-04T05:00:00.000Z',
      '- hour 2024-03-06T17:00:00.000Z 2024-03-07',
      '+ day 2024-03-04 2024-03-07',
    ])
  },
)

t.test('a bound within an hour is reached through the record', async (t) => {
  const period = { from: '2024-03-04T05:10:00.000Z', before: '2024-03-06T00:00:00.001Z' }

  t.strictSame(cover(period), [
    '- part 2024-03-04T05:00:00.000Z 2024-03-04T05:10:00.000Z',
    '+ part 2024-03-06 2024-03-06T00:00:00.001Z',
    '- hour 2024-03-04 2024-03-04T05:00:00.000Z',
    '+ day 2024-03-04 2024-03-06',
  ])
  t.strictSame(coverOf(period).hours, {
    from: '2024-03-04T05:00:00.000Z',
    before: '2024-03-06T00:00:00.000Z',
  })
})

t.test('a minute is read from the record alone', async (t) => {
  const period = { from: '2024-02-29T07:00:00.000Z', before: '2024-02-29T07:01:00.000Z' }

  t.strictSame(cover(period), ['+ part 2024-02-29T07:00:00.000Z 2024-02-29T07:01:00.000Z'])
  t.equal(coverOf(period).hours.from, coverOf(period).hours.before)
})

t.test('a period without bounds is whole years', async (t) => {
  t.strictSame(cover({}), ['+ year 1970-01-01 9999-01-01'])
})

t.test('a period after all time holds nothing', async (t) => {
  t.strictSame(cover({ from: '9999-06-01T00:00:00.000Z' }), [])
})
