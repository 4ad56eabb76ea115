import * as fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import t from 'tap'
import { createCalendar, isSameTimeZone, isTimeZone } from '../../src/values/calendar.ts'

const zones = ['Australia/Sydney', 'America/St_Johns', 'Asia/Kathmandu', 'America/Sao_Paulo', 'UTC']
const odd = ['Pacific/Apia', 'Africa/Monrovia', 'Atlantic/Azores', 'Antarctica/Troll', 'America/Scoresbysund']

// Until 2011 the clocks of St. John's went back at 00:01, so an hour after the first midnight had the date before it.
const firstWholeDays = Date.UTC(2012, 0, 1)

t.test('dateOf is the date of the instant in the zone, and lies between startOf and endOf', async (t) => {
  for (const timeZone of [...zones, ...odd]) {
    const calendar = createCalendar(timeZone)
    const property = fc.property(
      fc.integer({ min: timeZone === 'America/St_Johns' ? firstWholeDays : 0, max: Date.UTC(2050, 0, 1) }),
      fc.constantFrom(0, -1, 1, 1_800_000, -1_800_000),
      (instant, shift) => {
        const midnight = calendar.endOf(calendar.dateOf(instant))
        return [instant, midnight + shift].every((at) => {
          const date = calendar.dateOf(at)
          const plain = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate()
          return date === plain.toString() && calendar.startOf(date) <= at && at < calendar.endOf(date)
        })
      },
    )
    t.doesNotThrow(() => fc.assert(property, { numRuns: 1500 }), timeZone)
  }
})

t.test('the days of a calendar follow one another', async (t) => {
  for (const timeZone of zones) {
    const { startOf, endOf } = createCalendar(timeZone)
    for (const date of ['2018-11-03', '2026-03-07', '2026-04-04', '2026-10-03', '2026-10-31', '2026-12-31']) {
      const next = Temporal.PlainDate.from(date).add({ days: 1 }).toString()
      t.equal(endOf(date), startOf(next), `${timeZone} ${date}`)
    }
  }
})

t.test('a time zone has an IANA name, in any case, and may have aliases', async (t) => {
  for (const name of ['UTC', 'utc', 'Europe/Berlin', 'europe/berlin', 'Asia/Kolkata', 'Asia/Calcutta'])
    t.ok(isTimeZone(name), name)
  for (const name of ['', '+01:00', '-03:30', 'Berlin', 'Mars/Olympus', 'GMT+1', 'Z', '1'])
    t.notOk(isTimeZone(name), name)
  t.ok(isSameTimeZone('utc', 'Etc/UTC'))
  t.ok(isSameTimeZone('Asia/Kolkata', 'Asia/Calcutta'))
  t.notOk(isSameTimeZone('Europe/Berlin', 'Europe/Paris'))
})
