import t from 'tap'
import { type Close, readClose, type SentClose, withDay } from '../../src/record/read-close.ts'
import { createCalendar } from '../../src/values/calendar.ts'

const now = Date.UTC(2026, 10, 1)
const hour = 3_600_000

function read(timeZone: string, sent: SentClose, stored?: Close): readonly unknown[] {
  const result = readClose(sent, { calendar: createCalendar(timeZone), now, stored })
  if ('faults' in result) return result.faults.map(({ pointer }) => pointer)
  const { closed_date, closed_all_day, closed_on, closed_until } = result.value
  return [closed_date, closed_all_day, closed_on, closed_until]
}

function store(timeZone: string, sent: SentClose): Close {
  const result = readClose(sent, { calendar: createCalendar(timeZone), now })
  if ('faults' in result) throw new Error('This close has faults.')
  return result.value
}

t.test('an instant counts on its date in TIME_ZONE', async (t) => {
  const closed_date = '2026-06-30T20:30:00Z'
  const dates = {
    UTC: '2026-06-30',
    'Australia/Sydney': '2026-07-01',
    'America/St_Johns': '2026-06-30',
    'Asia/Kathmandu': '2026-07-01',
    'America/Sao_Paulo': '2026-06-30',
  }

  for (const [timeZone, date] of Object.entries(dates)) {
    t.strictSame(read(timeZone, { closed_date }), ['2026-06-30T20:30:00.000Z', false, date, null], timeZone)
  }
})

t.test('a date stands for its whole day in TIME_ZONE, over clock changes too', async (t) => {
  const days = {
    UTC: ['2026-03-29', '2026-03-29T00:00:00.000Z', '2026-03-30T00:00:00.000Z'],
    // 25 hours, then 23 hours.
    'Australia/Sydney': ['2026-04-05', '2026-04-04T13:00:00.000Z', '2026-04-05T14:00:00.000Z'],
    'America/St_Johns': ['2026-03-08', '2026-03-08T03:30:00.000Z', '2026-03-09T02:30:00.000Z'],
    'Asia/Kathmandu': ['2026-01-01', '2025-12-31T18:15:00.000Z', '2026-01-01T18:15:00.000Z'],
    // Midnight did not exist: the day began at 01:00.
    'America/Sao_Paulo': ['2018-11-04', '2018-11-04T03:00:00.000Z', '2018-11-05T02:00:00.000Z'],
  }

  for (const [timeZone, [date = '', from, until]] of Object.entries(days)) {
    t.strictSame(read(timeZone, { closed_date: date }), [from, true, date, until], timeZone)
  }
})

t.test('a midnight in its own offset stands for its written date, unless told otherwise', async (t) => {
  const closed_date = '2026-07-01T00:00:00+02:00'
  const at = '2026-06-30T22:00:00.000Z'

  const whole = read('America/St_Johns', { closed_date })
  const instant = read('America/St_Johns', { closed_date, closed_all_day: false })

  t.strictSame(whole, [at, true, '2026-07-01', '2026-07-02T02:30:00.000Z'])
  t.strictSame(instant, [at, false, '2026-06-30', null])
})

t.test('with closed_all_day, any instant stands for its written date', async (t) => {
  const sent = { closed_date: '2026-07-01T23:30:00-05:00', closed_all_day: true }

  const whole = read('Asia/Kathmandu', sent)

  t.strictSame(whole, ['2026-07-02T04:30:00.000Z', true, '2026-07-01', '2026-07-01T18:15:00.000Z'])
})

t.test('without a closed_date, a deal closes at the time of the request, or on its day', async (t) => {
  const at = '2026-11-01T00:00:00.000Z'

  t.strictSame(read('America/Sao_Paulo', {}), [at, false, '2026-10-31', null])
  t.strictSame(read('America/Sao_Paulo', { closed_all_day: true }), [
    at,
    true,
    '2026-10-31',
    '2026-11-01T03:00:00.000Z',
  ])
})

t.test('a close is refused more than 24 hours ahead, and as a date that is no whole day', async (t) => {
  t.strictSame(read('UTC', { closed_date: '2026-11-02T00:00:00.001Z' }), ['/closed_date'])
  t.strictSame(read('UTC', { closed_date: '2026-10-02', closed_all_day: false }), ['/closed_all_day'])
  t.strictSame(read('UTC', { closed_date: '2026-11-03', closed_all_day: false }), [
    '/closed_date',
    '/closed_all_day',
  ])
})

t.test('the stored close, sent again as it was read, stays as it is', async (t) => {
  const zones = ['Australia/Sydney', 'America/St_Johns', 'Asia/Kathmandu', 'America/Sao_Paulo', 'UTC']
  const closes: SentClose[] = [
    { closed_date: '2026-07-01T00:00:00+10:00' },
    { closed_date: '2026-07-01' },
    { closed_date: '2026-07-01T00:00:00Z', closed_all_day: false },
    { closed_date: '2026-07-01T15:00:00Z', closed_all_day: true },
    { closed_date: '2026-07-01T15:00:00.123Z' },
  ]

  for (const timeZone of zones) {
    for (const sent of closes) {
      const stored = store(timeZone, sent)
      const { closed_date, closed_all_day, closed_on, closed_until } = stored
      const expected = [closed_date, closed_all_day, closed_on, closed_until]
      const again = [{}, sent, { closed_date }, { closed_all_day }, { closed_date, closed_all_day }]
      for (const change of again) t.strictSame(read(timeZone, change, stored), expected)
    }
  }
})

t.test('closed_all_day changes what the stored close stands for', async (t) => {
  const stored = store('Europe/Berlin', { closed_date: '2026-07-01T00:30:00+02:00' })
  const { closed_date } = stored

  const byDay = store('Europe/Berlin', { closed_date: '2026-07-01' })

  t.strictSame(read('Europe/Berlin', { closed_all_day: true }, stored), [
    '2026-06-30T22:30:00.000Z',
    true,
    '2026-07-01',
    '2026-07-01T22:00:00.000Z',
  ])
  // The client writes the instant anew, so the date that it writes counts.
  t.strictSame(read('Europe/Berlin', { closed_date, closed_all_day: true }, stored), [
    '2026-06-30T22:30:00.000Z',
    true,
    '2026-06-30',
    '2026-06-30T22:00:00.000Z',
  ])
  t.strictSame(read('Europe/Berlin', { closed_all_day: false }, byDay), [
    '2026-06-30T22:00:00.000Z',
    false,
    '2026-07-01',
    null,
  ])
})

t.test('a close of an earlier release gets the day that was written, and keeps 24 hours', async (t) => {
  const dayOf = (timeZone: string, closed_date: string, closed_all_day: boolean) => {
    const close = { closed_date, closed_all_day, closed_on: null, closed_until: null }
    const { closed_on, closed_until } = withDay(close, createCalendar(timeZone))
    t.equal(closed_until, null)
    return closed_on
  }

  t.equal(dayOf('UTC', '2026-06-30T22:00:00.000Z', true), '2026-07-01')
  t.equal(dayOf('UTC', '2026-06-30T22:00:00.000Z', false), '2026-06-30')
  t.equal(dayOf('UTC', '2026-07-01T05:00:00.000Z', true), '2026-07-01')
  t.equal(dayOf('UTC', '2026-07-01T10:00:00.000Z', true), '2026-07-01')
  t.equal(dayOf('UTC', '2026-06-30T11:00:00.000Z', true), '2026-07-01')
  t.equal(dayOf('Pacific/Kiritimati', '2026-06-30T10:00:00.000Z', true), '2026-07-01')
  for (let offset = -10; offset < 14; offset += 1) {
    const midnight = new Date(Date.UTC(2026, 6, 1) - offset * hour).toISOString()
    t.equal(dayOf('UTC', midnight, true), '2026-07-01', `offset ${offset}`)
  }
})
