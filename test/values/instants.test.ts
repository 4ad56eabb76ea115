import t from 'tap'
import * as fc from 'fast-check'
import { createCalendar } from '../../src/values/calendar.ts'
import { isDate, parseInstant, parseMoment, toTimestamp } from '../../src/values/instants.ts'

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
    '1969-12-31T23:00:00-02:00': '1970-01-01T01:00:00.000Z',
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
    [
      '0000-01-01T00:00:00Z',
      '0070-01-01T00:00:00Z',
      '1969-12-31T23:59:59.999Z',
      '10000-01-01T00:00:00Z',
      '+010000-01-01T00:00:00Z',
    ],
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

t.test('isDate knows the dates from 1970 to 9999', async (t) => {
  for (const text of ['1970-01-01', '2024-02-29', '9999-12-31']) t.ok(isDate(text), text)
  for (const text of ['2024-02-30', '2024-1-1', '20241231', 'yesterday', '31.12.2024', '1969-12-31', '']) {
    t.notOk(isDate(text), text)
  }
})

t.test(
  'parseMoment reads a date as the start of its day, and an instant with the date that was written',
  async (t) => {
    const calendar = createCalendar('America/St_Johns')

    t.strictSame(parseMoment('2026-03-09', calendar), {
      at: Date.UTC(2026, 2, 9, 2, 30),
      date: '2026-03-09',
      isMidnight: true,
      isDate: true,
    })
    t.strictSame(parseMoment('2026-03-09T01:00:00+05:45', calendar), {
      at: Date.UTC(2026, 2, 8, 19, 15),
      date: '2026-03-09',
      isMidnight: false,
      isDate: false,
    })
    t.equal(parseMoment('2026-02-29', calendar), undefined)
  },
)
