import { Temporal } from 'temporal-polyfill'

/** The company's calendar: the days of its time zone. Dates are `YYYY-MM-DD`, instants milliseconds since 1970. */
export interface Calendar {
  readonly timeZone: string
  /** The date of an instant. */
  readonly dateOf: (at: number) => string
  /** The first instant of a date: midnight, or what follows where a clock change skips midnight. */
  readonly startOf: (date: string) => number
  /** The first instant after a date. */
  readonly endOf: (date: string) => number
}

/** The two dates of a UTC day, and when the second begins. */
interface DayCut {
  readonly before: string
  readonly begins: number
  readonly after: string
}

const day = 86_400_000
const mostCuts = 1000

/** The calendar of an IANA time zone. Throws a RangeError for an unknown one. */
export function createCalendar(timeZone: string): Calendar {
  const inZone = zonedAt(timeZone)
  const read = (at: number) => inZone(at).toPlainDate().toString()
  const startOf = (date: string) => startIn(timeZone, Temporal.PlainDate.from(date))
  // Fails here for an unknown zone.
  read(0)
  const cuts = new Map<number, DayCut>()

  function cutOf(utcDay: number): DayCut {
    const after = read((utcDay + 1) * day - 1)
    const cut = { before: read(utcDay * day), begins: startOf(after), after }
    if (cuts.size >= mostCuts) cuts.clear()
    cuts.set(utcDay, cut)
    return cut
  }

  return {
    timeZone,
    // A conversion takes up to 20 µs, and events come many for a day.
    dateOf(at) {
      const utcDay = Math.floor(at / day)
      const { before, begins, after } = cuts.get(utcDay) ?? cutOf(utcDay)
      return at < begins ? before : after
    },
    startOf,
    endOf: (date) => startIn(timeZone, Temporal.PlainDate.from(date).add({ days: 1 })),
  }
}

/** Whether two names are of one time zone: a zone has aliases, and the case of the letters does not matter. */
export function isSameTimeZone(a: string, b: string): boolean {
  return zonedAt(a)(0).equals(zonedAt(b)(0))
}

/** Whether the service knows this IANA time zone. An offset such as +01:00 has no clock changes, and is none. */
export function isTimeZone(name: string): boolean {
  try {
    createCalendar(name)
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

function zonedAt(timeZone: string) {
  return (at: number) => Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
}

function startIn(timeZone: string, date: Temporal.PlainDate): number {
  return date.toZonedDateTime(timeZone).epochMilliseconds
}
