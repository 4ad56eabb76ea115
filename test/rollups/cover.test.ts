import t from 'tap'
import { coverOf } from '../../src/rollups/cover.ts'

t.test('a period is its whole years, months and days', async (t) => {
  const { pieces, parts } = coverOf({ from: '2023-11-29T00:00:00.000Z', before: '2026-02-03T00:00:00.000Z' })

  t.strictSame(pieces, [
    { span: 'day', from: '2023-11-29', before: '2023-12-01' },
    { span: 'day', from: '2026-02-01', before: '2026-02-03' },
    { span: 'month', from: '2023-12-01', before: '2024-01-01' },
    { span: 'month', from: '2026-01-01', before: '2026-02-01' },
    { span: 'year', from: '2024-01-01', before: '2026-01-01' },
  ])
  t.strictSame(parts, [])
})

t.test('what is left of a day at either end is taken from the record', async (t) => {
  const { pieces, days, parts } = coverOf({
    from: '2024-03-04T05:00:00.000Z',
    before: '2024-03-06T00:00:00.001Z',
  })

  t.strictSame(pieces, [{ span: 'day', from: '2024-03-05', before: '2024-03-06' }])
  t.strictSame(days, { from: '2024-03-05', before: '2024-03-06' })
  t.strictSame(parts, [
    { from: '2024-03-04T05:00:00.000Z', before: '2024-03-05T00:00:00.000Z' },
    { from: '2024-03-06T00:00:00.000Z', before: '2024-03-06T00:00:00.001Z' },
  ])
})

t.test('a period without a whole day has only parts', async (t) => {
  const { pieces, days, parts } = coverOf({
    from: '2024-02-29T23:00:00.000Z',
    before: '2024-03-01T01:00:00.000Z',
  })

  t.strictSame(pieces, [])
  t.equal(days.from, days.before)
  t.strictSame(parts, [{ from: '2024-02-29T23:00:00.000Z', before: '2024-03-01T01:00:00.000Z' }])
})

t.test('a period without bounds is whole years', async (t) => {
  t.strictSame(coverOf({}).pieces, [{ span: 'year', from: '1970-01-01', before: '9999-01-01' }])
})
