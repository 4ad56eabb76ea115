import { type Encoding, encodings } from './encodings.ts'
import { kinds } from './file-line.ts'
import type { FileForm } from './inspect-file.ts'
import { shippedMaps } from './map-file.ts'
import { unknownTreatments } from './rules.ts'

const encodingNames = Object.keys(encodings) as Encoding[]
const delimiters: Readonly<Record<string, string>> = { ',': ',', ';': ';', tab: '\t' }

export const does = `Imports partners, touchpoints (events) and deals from CSV, NDJSON or a JSON array, also gzipped (.gz). The file - is standard input.
Running it again stores nothing twice. docs/import.md explains each option and shows examples.
Exit code: 0 all rows are stored, 2 some were refused, 1 the import could not go on.`

/** The options of \`npm run import\`, for \`command\`. */
export const importOptions = {
  kind: {
    value: 'KIND',
    help: `what each row is: ${kinds.join(', ')}; or several, such as deal,event, for rows that hold one of each`,
  },
  map: {
    value: 'COLUMN=FIELD',
    isRepeatable: true,
    help: 'the field that a column fills; COLUMN= leaves the column out',
  },
  'map-file': {
    value: 'FILE',
    isRepeatable: true,
    help: `a JSON file of such options, or one of the service: ${shippedMaps.join(', ')}`,
  },
  set: {
    value: 'FIELD=TEXT',
    isRepeatable: true,
    help: 'what fills a field that the row leaves empty; {COLUMN} stands for the value of a column',
  },
  only: { value: 'COLUMN=TEXT', isRepeatable: true, help: 'take only rows with this text in the column' },
  unknown: {
    value: unknownTreatments.join('|'),
    help: 'columns that are no field are left out, put under metadata, or the row is refused',
  },
  'date-format': {
    value: 'FORMAT',
    isRepeatable: true,
    help: "such as DD.MM.YYYY, MM/DD/YYYY or 'YYYY-MM-DD HH:mm'; 2026-01-31 is always read",
  },
  'time-zone': { value: 'ZONE', help: 'the time zone of times without an offset (TIME_ZONE, else UTC)' },
  'decimal-comma': { help: '1.234,56 is a number' },
  delimiter: {
    value: Object.keys(delimiters).join('|'),
    help: 'how cells are separated; found out unless it is set',
  },
  encoding: { value: 'ENCODING', help: `${encodingNames.join(', ')}; found out unless it is set` },
  update: { help: 'change what the service has already, so that a nightly export is a sync' },
  source: { value: 'NAME', help: 'a name for an export that comes again, such as hubspot-deals' },
  'void-missing': {
    help: 'void the deals and events that earlier files of the source had and these lack; reinstate those that are back',
  },
  'void-at-most': {
    value: 'N|N%',
    help: 'how many deals, or events, one run may void; more end the import (10 %, or 10 if that is more)',
  },
  'dry-run': { help: 'check every row and send nothing' },
  report: { value: 'FILE', help: 'write why each row was refused to FILE instead of printing it' },
  refused: {
    value: 'FILE',
    help: 'write the refused rows to FILE: mend them and import FILE with the same options',
  },
  url: { value: 'URL', help: 'the service (API_URL, else this machine); the API key is API_KEY' },
  patience: {
    value: 'SECONDS',
    default: '60',
    help: 'how long to wait for a service that does not answer',
  },
} as const

type Options = typeof importOptions

/** The values of the options. */
export type ImportOptions = {
  readonly [Name in keyof Options]: Options[Name] extends { value: string }
    ? Options[Name] extends { isRepeatable: true }
      ? readonly string[]
      : Options[Name] extends { default: string }
        ? string
        : string | undefined
    : boolean
}

/** Throws if an option has no valid value, or lacks another one. Returns the form of the files. */
export function readForm(options: ImportOptions): FileForm {
  const { delimiter, encoding, patience, source, update } = options
  const { 'void-missing': voidsMissing, 'void-at-most': voidAtMost } = options
  if (!/^\d{1,6}$/.test(patience)) throw new Error('--patience must be a number of seconds, such as 60.')
  if (voidsMissing && (!update || source === undefined))
    throw new Error('--void-missing needs --update and --source NAME.')
  if (voidAtMost !== undefined && !voidsMissing) throw new Error('--void-at-most needs --void-missing.')
  const known = encodingNames.find((name) => name === encoding?.toLowerCase())
  if (encoding !== undefined && known === undefined)
    throw new Error(`--encoding must be one of ${encodingNames.join(', ')}.`)
  if (delimiter !== undefined && delimiters[delimiter] === undefined)
    throw new Error(`--delimiter must be one of ${Object.keys(delimiters).join(' ')}.`)
  return { delimiter: delimiter && delimiters[delimiter], encoding: known }
}
