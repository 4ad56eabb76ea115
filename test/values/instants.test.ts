import t from 'tap'
import * as fc from 'fast-check'
import { parseDateBound, parseInstant, readPeriod, toTimestamp } from '../../src/values/instants.ts'

const read = (text: string) => {
  const at = parseInstant(text)?.at
  return at === undefined ? undefined : toTimestamp(at)
}

t.test('parseInstant applies the offset and truncates to milliseconds', async (t) => {
  const examples = {
    '2024-01-15T10:00:00Z': '2024-01-15T10:00:00.000Z',
    '2024-01-15t10:00:00z': '2024-01-15T10:00:00.000Z',
    '2024-01-15T10:00:00.1Z': '2024-01-15T10:00:00.100Z',
    '2024-01-15T10:00:00.1239999Z': '2024-01-15T10:00:00.123Z',
    '2024-01-15T10:00:00+05:45': '2024-01-15T04:15:00.000Z',
    '2024-01-15T00:30:00-08:00': '2024-01-15T08:30:00.000Z',
    '2024-02-29T23:59:59.999+14:00': '2024-02-29T09:59:59.999Z',
    '1970-01-01T00:00:00Z': '1970-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z': '9999-12-31T23:59:59.999Z',
    '2000-02-29T00:00:00-00:00': '2000-02-29T00:00:00.000Z',
  }

  for (const [text, instant] of Object.entries(examples)) t.equal(read(text), instant, text)
})

t.test('parseInstant refuses days that do not exist and incomplete ISO 8601 forms', async (t) => {
  const wrong = [
    ['2024-02-30T00:00:00Z', '2023-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2024-04-31T00:00:00Z'],
    ['2024-00-01T00:00:00Z', '2024-13-01T00:00:00Z', '2024-01-00T00:00:00Z', '2024-01-32T00:00:00Z'],
    ['2024-01-01T24:00:00Z', '2024-01-01T00:60:00Z', '2024-01-01T23:59:60Z', '2024-01-01T25:00:00Z'],
    ['0000-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z', '10000-01-01T00:00:00Z', '+010000-01-01T00:00:00Z'],
    ['1970-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01', '-000001-01-01T00:00:00Z'],
    [
      '2024-01-01T00:00:00+15:00',
      '2024-01-01T00:00:00+99:99',
      '2024-01-01T00:00:00+05:60',
      '2024-01-01T00:00:00+0500',
    ],
    [
      '2024-01-01',
      '2024-01-01T00:00:00',
      '2024-01-01 00:00:00Z',
      '2024-01-01T00:00Z',
      '20240101T000000Z',
      '2024-1-1T00:00:00Z',
    ],
    [
      'now',
      'today',
      'yesterday',
      'infinity',
      '-infinity',
      'epoch',
      '1704067200',
      '',
      ' 2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00Z\n',
    ],
    [
      '2024-01-01T00:00:00.Z',
      '2024-01-01T00:00:00,5Z',
      '2024-01-01T00:00:00.1234567890Z',
      '2024-W01-1T00:00:00Z',
      '２024-01-01T00:00:00Z',
    ],
  ].flat()

  for (const text of wrong) t.equal(read(text), undefined, text)
})

t.test('parseInstant reads back each instant that toTimestamp writes, from 1970 to 9999', async (t) => {
  const property = fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) }), (at) => {
    const instant = parseInstant(toTimestamp(at))
    return instant?.at === at && instant.isMidnight === (at % 86_400_000 === 0)
  })

  t.doesNotThrow(() => fc.assert(property, { numRuns: 10_000 }))
})

t.test('parseInstant detects midnight in the written offset, to the last digit', async (t) => {
  t.equal(parseInstant('2024-01-15T00:00:00+05:45')?.isMidnight, true)
  t.equal(parseInstant('2024-01-15T00:00:00.000000000Z')?.isMidnight, true)
  t.equal(parseInstant('2024-01-15T00:00:00.0001Z')?.isMidnight, false)
  t.equal(parseInstant('2024-01-15T05:45:00+05:45')?.isMidnight, false)
})

t.test('parseDateBound covers a whole UTC day for a date and one millisecond for an instant', async (t) => {
  const day = Date.UTC(2024, 11, 31)

  t.strictSame(parseDateBound('2024-12-31'), { from: day, before: day + 86_400_000 })
  t.strictSame(parseDateBound('2024-12-31T00:00:00.5Z'), { from: day + 500, before: day + 501 })
  for (const text of ['2024-02-30', '2024-1-1', '20241231', 'yesterday', '31.12.2024']) {
    t.equal(parseDateBound(text), undefined, text)
  }
})

t.test('readPeriod includes the last day and sets no end for 9999-12-31', async (t) => {
  t.strictSame(readPeriod('2024-12-31', '2024-12-31'), {
    from: '2024-12-31T00:00:00.000Z',
    before: '2025-01-01T00:00:00.000Z',
  })
  t.strictSame(readPeriod(undefined, '9999-12-31'), {})
  t.throws(() => readPeriod('2024-12-31', '2024-12-30'), {
    code: 'INVALID_REQUEST',
    faults: [{ pointer: 'end_date' }],
  })
})
