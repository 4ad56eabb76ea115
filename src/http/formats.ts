import { isCurrency } from '../values/currencies.ts'
import { isDate, parseInstant } from '../values/instants.ts'
import { currencyCode } from '../values/schemas.ts'

interface Format {
  readonly accepts: (text: string) => boolean
  /** What the value must be, as the end of a sentence. */
  readonly wanted: string
}

// International addresses have letters and digits of any script.
const email =
  /^[\p{L}\p{M}\p{N}.!#$%&'*+/=?^_`{|}~-]{1,64}@(?=.{1,190}$)[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?)+$/u

/** The formats that schemas may name. */
export const formats = {
  'idn-email': {
    accepts: (text) => email.test(text),
    wanted: 'must be an e-mail address such as anna@example.com',
  },
  currency: { accepts: isCurrency, wanted: currencyCode },
  'date-time': {
    accepts: (text) => parseInstant(text) !== undefined,
    wanted: 'must be an instant such as 2026-01-31T17:00:00Z, from 1970 to 9999',
  },
  date: { accepts: isDate, wanted: 'must be a date such as 2026-01-31, from 1970 to 9999' },
  'date-or-date-time': {
    accepts: (text) => isDate(text) || parseInstant(text) !== undefined,
    wanted:
      'must be a date such as 2026-01-31, or an instant such as 2026-01-31T17:00:00Z, from 1970 to 9999',
  },
} as const satisfies Readonly<Record<string, Format>>
