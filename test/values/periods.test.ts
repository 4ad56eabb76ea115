import t from 'tap'
import { createCalendar } from '../../src/values/calendar.ts'
import { readBounds, readDays, toInstants } from '../../src/values/periods.ts'

const sydney = createCalendar('Australia/Sydney')
const utc = createCalendar('UTC')

t.test('a report takes dates, and instants where a day of TIME_ZONE begins or ends', async (t) => {
  const days = { first: '2026-04-05', last: '2026-04-05' }

  t.strictSame(readDays({ start_date: '2026-04-05', end_date: '2026-04-05' }, sydney), days)
  for (const end of ['23:59:59', '23:59:59.5', '23:59:59.999']) {
    const sent = { start_date: '2026-04-05T00:00:00+11:00', end_date: `2026-04-05T${end}+10:00` }
    t.strictSame(readDays(sent, sydney), days, end)
  }
  t.strictSame(readDays({ start_date: '2026-04-04T13:00:00Z' }, sydney), { first: '2026-04-05' })
  t.strictSame(readDays({}, sydney), {})
})

t.test('a report refuses other instants, and says which bound is wrong', async (t) => {
  const wrong = [
    [{ start_date: '2026-04-05T00:00:00Z' }, sydney, ['start_date']],
    [{ start_date: '2026-04-05T00:00:00.001Z' }, utc, ['start_date']],
    [{ end_date: '2026-04-05T00:00:00Z' }, utc, ['end_date']],
    [{ end_date: '2026-04-05T23:59:58.999Z' }, utc, ['end_date']],
    [
      { start_date: '2026-04-06T01:00:00Z', end_date: '2026-04-05T01:00:00Z' },
      utc,
      ['start_date', 'end_date'],
    ],
    [{ start_date: '2026-04-06', end_date: '2026-04-05' }, utc, ['end_date']],
  ] as const

  for (const [sent, calendar, pointers] of wrong) {
    t.throws(() => readDays(sent, calendar), {
      code: 'INVALID_REQUEST',
      faults: pointers.map((pointer) => ({ pointer })),
    })
  }
  t.throws(() => readDays({ end_date: '2026-04-05T01:00:00Z' }, sydney, '/'), {
    code: 'INVALID_REQUEST',
    faults: [
      {
        pointer: '/end_date',
        detail:
          'A report counts whole days: send a date such as 2024-01-31, or the last second of a day in Australia/Sydney.',
      },
    ],
  })
})

t.test('a list takes days, both included, and instants, the end excluded', async (t) => {
  const instant = '2026-04-05T10:00:00+10:00'

  t.strictSame(readBounds({ start_date: '2026-04-05', end_date: '2026-04-05' }, sydney), {
    first: '2026-04-05',
    last: '2026-04-05',
  })
  t.strictSame(readBounds({ start_date: instant, end_date: '2026-04-05' }, sydney), {
    from: '2026-04-05T00:00:00.000Z',
    last: '2026-04-05',
  })
  t.strictSame(readBounds({ start_date: instant, end_date: instant }, sydney), {
    from: '2026-04-05T00:00:00.000Z',
    before: '2026-04-05T00:00:00.000Z',
  })
  t.throws(() => readBounds({ start_date: '2026-04-06', end_date: instant }, sydney), {
    code: 'INVALID_REQUEST',
    faults: [{ pointer: 'end_date' }],
  })
})

t.test('the days of a list are those of TIME_ZONE, and the end of 9999 is open', async (t) => {
  t.strictSame(toInstants({ first: '2026-04-05', last: '2026-04-05' }, sydney), {
    from: '2026-04-04T13:00:00.000Z',
    before: '2026-04-05T14:00:00.000Z',
  })
  t.strictSame(toInstants({ from: '2026-04-05T00:00:00.000Z', last: '9999-12-31' }, utc), {
    from: '2026-04-05T00:00:00.000Z',
  })
})
