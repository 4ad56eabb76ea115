import t from 'tap'
import { decompose, type Period } from '../../src/rollups/decompose.ts'

function listPieces({ from, before }: Period): readonly string[] {
  const { pieces, parts } = decompose({ from, before })
  return [...parts, ...pieces].map((piece) =>
    `${piece.sign > 0 ? '+' : '-'} ${piece.of} ${piece.from} ${piece.before}`.replaceAll(
      'T00:00:00.000Z',
      '',
    ),
  )
}

t.test('a period is whole years plus or minus quarters, months and days at its ends', async (t) => {
  t.strictSame(listPieces({ from: '2023-11-28T00:00:00.000Z', before: '2026-02-03T00:00:00.000Z' }), [
    '+ day 2023-11-28 2023-12-01',
    '+ day 2026-02-01 2026-02-03',
    '+ month 2023-12-01 2024-01-01',
    '+ month 2026-01-01 2026-02-01',
    '+ year 2024-01-01 2026-01-01',
  ])
  t.strictSame(listPieces({ from: '2024-02-03T00:00:00.000Z', before: '2024-11-28T00:00:00.000Z' }), [
    '- day 2024-02-01 2024-02-03',
    '- day 2024-11-28 2024-12-01',
    '- month 2024-01-01 2024-02-01',
    '- month 2024-12-01 2025-01-01',
    '+ year 2024-01-01 2025-01-01',
  ])
})

t.test('a period adds or subtracts thirds of a month at its ends', async (t) => {
  t.strictSame(listPieces({ from: '2024-02-09T00:00:00.000Z', before: '2024-04-23T00:00:00.000Z' }), [
    '+ day 2024-02-09 2024-02-11',
    '+ day 2024-04-21 2024-04-23',
    '- dekad 2024-02-01 2024-02-11',
    '- dekad 2024-04-21 2024-05-01',
    '- month 2024-01-01 2024-02-01',
    '+ month 2024-04-01 2024-05-01',
    '+ quarter 2024-01-01 2024-04-01',
  ])
})

t.test('a short period is its days, or a third of a month minus some days', async (t) => {
  t.strictSame(listPieces({ from: '2024-02-04T00:00:00.000Z', before: '2024-02-08T00:00:00.000Z' }), [
    '+ day 2024-02-04 2024-02-08',
  ])
  t.strictSame(listPieces({ from: '2024-02-22T00:00:00.000Z', before: '2024-02-29T00:00:00.000Z' }), [
    '- day 2024-02-21 2024-02-22',
    '- day 2024-02-29 2024-03-01',
    '+ dekad 2024-02-21 2024-03-01',
  ])
})

t.test('days of another time zone are days of UTC plus or minus some hours', async (t) => {
  t.strictSame(listPieces({ from: '2024-03-04T05:00:00.000Z', before: '2024-03-06T17:00:00.000Z' }), [
    '- hour 2024-03-04 2024-03-04T05:00:00.000Z',
    '- hour 2024-03-06T17:00:00.000Z 2024-03-07',
    '+ day 2024-03-04 2024-03-07',
  ])
})

t.test('a bound within an hour adds a part that is read from the record', async (t) => {
  const period = { from: '2024-03-04T05:10:00.000Z', before: '2024-03-06T00:00:00.001Z' }

  t.strictSame(listPieces(period), [
    '- part 2024-03-04T05:00:00.000Z 2024-03-04T05:10:00.000Z',
    '+ part 2024-03-06 2024-03-06T00:00:00.001Z',
    '- hour 2024-03-04 2024-03-04T05:00:00.000Z',
    '+ day 2024-03-04 2024-03-06',
  ])
  t.strictSame(decompose(period).hours, {
    from: '2024-03-04T05:00:00.000Z',
    before: '2024-03-06T00:00:00.000Z',
  })
})

t.test('a period of a minute is read only from the record', async (t) => {
  const period = { from: '2024-02-29T07:00:00.000Z', before: '2024-02-29T07:01:00.000Z' }

  t.strictSame(listPieces(period), ['+ part 2024-02-29T07:00:00.000Z 2024-02-29T07:01:00.000Z'])
  t.equal(decompose(period).hours.from, decompose(period).hours.before)
})

t.test('a period without bounds is whole years', async (t) => {
  t.strictSame(listPieces({}), ['+ year 1970-01-01 9999-01-01'])
})

t.test('a period that starts in 9999 has no pieces', async (t) => {
  t.strictSame(listPieces({ from: '9999-06-01T00:00:00.000Z' }), [])
})
