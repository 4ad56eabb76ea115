import type { Fault } from '../errors.ts'
import type { Calendar } from '../values/calendar.ts'
import { type Moment, parseMoment, toTimestamp } from '../values/instants.ts'
import type { DealTerms } from './schemas.ts'

/** When a deal closed: at an instant, or on a whole day. */
export type Close = Pick<DealTerms, 'closed_date' | 'closed_all_day' | 'closed_on' | 'closed_until'>

/** What a client sends of a close. The closed_date is an instant or a date. */
export interface SentClose {
  readonly closed_date?: string
  readonly closed_all_day?: boolean
}

interface CloseContext {
  readonly calendar: Calendar
  /** The time of the request, the default of a new deal. */
  readonly now: number
  /** The close of the deal until now. Undefined: the deal is new. */
  readonly stored?: Close | undefined
}

const day = 86_400_000
const futureMs = day

type ReadClose = { readonly value: Close } | { readonly faults: readonly Fault[] }

/**
 * Reads when a deal closed. A date, or a midnight in its own offset, stands for its whole day, and so does any instant with
 * `closed_all_day`. The stored instant, sent again, keeps the day that it stands for: a client may send back what it read.
 */
export function readClose(sent: SentClose, context: CloseContext): ReadClose {
  const { calendar, stored } = context
  const moment = sent.closed_date === undefined ? undefined : parseMoment(sent.closed_date, calendar)
  const faults = moment === undefined ? [] : faultsOf(moment, sent, context)
  if (faults.length > 0) return { faults }
  return {
    value:
      stored !== undefined && isStored(stored, moment, sent)
        ? withDay(stored, calendar)
        : toClose(moment ?? momentOf(context), sent, calendar),
  }
}

/** The close with the day on which it counts, if it was stored without one. */
export function withDay(close: Close, calendar: Calendar): Close {
  const { closed_date, closed_all_day, closed_on, closed_until } = close
  return { closed_date, closed_all_day, closed_on: closed_on ?? dayOf(close, calendar), closed_until }
}

/** The close in another calendar: an instant is on another day, and a whole day, which stays, ends at another instant. */
export function redateClose(close: Close, calendar: Calendar): Close {
  const dated = withDay(close, calendar)
  const { closed_date, closed_all_day, closed_on, closed_until } = dated
  if (!closed_all_day) return { ...dated, closed_on: calendar.dateOf(Date.parse(closed_date)) }
  return closed_until === null
    ? dated
    : { ...dated, closed_until: toTimestamp(calendar.endOf(closed_on as string)) }
}

function faultsOf({ at, isDate }: Moment, { closed_all_day }: SentClose, { now }: CloseContext): Fault[] {
  const faults: Fault[] = []
  if (at > now + futureMs)
    faults.push({ pointer: '/closed_date', detail: 'The instant is more than 24 hours in the future.' })
  if (isDate && closed_all_day === false) {
    const detail =
      'A closed_date without a time stands for its whole day: leave closed_all_day out, or send a time.'
    faults.push({ pointer: '/closed_all_day', detail })
  }
  return faults
}

// The stored instant is answered in UTC, in which it may have another date than the one that was written.
function isStored(stored: Close, moment: Moment | undefined, { closed_all_day }: SentClose): boolean {
  if (closed_all_day !== undefined && closed_all_day !== stored.closed_all_day) return false
  if (moment === undefined) return true
  return moment.isDate
    ? stored.closed_all_day && stored.closed_on === moment.date
    : moment.at === Date.parse(stored.closed_date)
}

/** A close that is sent without its time: the stored one, or that of the request. */
function momentOf({ calendar, now, stored }: CloseContext): Omit<Moment, 'isDate'> {
  const at = stored === undefined ? now : Date.parse(stored.closed_date)
  return { at, date: stored?.closed_on ?? calendar.dateOf(at), isMidnight: false }
}

function toClose(
  { at, date, isMidnight }: Omit<Moment, 'isDate'>,
  { closed_all_day = isMidnight }: SentClose,
  calendar: Calendar,
): Close {
  return {
    closed_date: toTimestamp(at),
    closed_all_day,
    closed_on: closed_all_day ? date : calendar.dateOf(at),
    closed_until: closed_all_day ? toTimestamp(calendar.endOf(date)) : null,
  }
}

const furthestEast = 14 * 3_600_000 - 60_000

/** The day of a close of an earlier release, which stored whole days as a midnight without its offset. */
function dayOf({ closed_date, closed_all_day }: Close, calendar: Calendar): string {
  const at = Date.parse(closed_date)
  const date = calendar.dateOf(at)
  if (!closed_all_day || calendar.startOf(date) === at) return date
  // The only midnight of an offset from -10:00 to +13:59. West and east of these are a few islands.
  return toTimestamp(at + furthestEast).slice(0, 10)
}
