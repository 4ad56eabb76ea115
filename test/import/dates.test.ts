import t from 'tap'
import { createDateFormat, exampleOf } from '../../src/import/dates.ts'

function read(format: string, text: string): string | undefined {
  return createDateFormat(format, 'Europe/Berlin').read(text)
}

t.test('a date format reads dates and times of a time zone', async (t) => {
  t.equal(read('DD.MM.YYYY', '29.02.2024'), '2024-02-29')
  t.equal(read('MM/DD/YYYY', '01/31/2024'), '2024-01-31')
  t.equal(read('M/D/YY', '1/9/24'), '2024-01-09')
  t.equal(read('YYYY-MM-DD HH:mm', '2024-07-01 17:05'), '2024-07-01T17:05:00+02:00')
  t.equal(read('YYYY-MM-DDTHH:mm:ss', '2024-01-01T00:00:00'), '2024-01-01T00:00:00+01:00')
  t.equal(read('M/D/YYYY h:mm A', '1/31/2024 12:30 am'), '2024-01-31T00:30:00+01:00')
  t.equal(read('M/D/YYYY h:mm A', '1/31/2024 12:30 PM'), '2024-01-31T12:30:00+01:00')
  t.equal(exampleOf('M/D/YYYY h:mm A'), '1/31/2026 5:00 PM')
})

t.test('a date format does not read other texts, or days and times that do not exist', async (t) => {
  for (const text of [
    '30.02.2024',
    '31.04.2024',
    '1.2.2024',
    '01.13.2024',
    '2024-01-31',
    '01.01.2024 ',
    '01x01x2024',
  ])
    t.equal(read('DD.MM.YYYY', text), undefined, text)
  t.equal(read('YYYY-MM-DD HH:mm', '2024-01-01 24:00'), undefined)
  t.equal(read('M/D/YYYY h:mm A', '1/31/2024 13:00 PM'), undefined)
})

t.test('a format that does not name a day is refused', async (t) => {
  for (const format of [
    'DD.MM',
    'MM/YYYY',
    'DD.MM.YYYY MM',
    'dd.mm.yyyy',
    'YYYY-MM-DD h:mm',
    'YYYY-MM-DD mm',
    'HH:mm',
    '',
  ])
    t.throws(() => createDateFormat(format, 'UTC'), /is not a date format/, format)
})
