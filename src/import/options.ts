import { parseArgs } from 'node:util'
import { type Encoding, encodings } from './encodings.ts'
import { kinds } from './file-line.ts'
import type { FileForm } from './inspect-file.ts'
import { shippedMaps } from './map-file.ts'
import { unknownTreatments } from './rules.ts'

const encodingNames = Object.keys(encodings) as Encoding[]
const delimiters: Readonly<Record<string, string>> = { ',': ',', ';': ';', tab: '\t' }

const usage = 'Usage: npm run import -- FILE… [options]. All options: npm run import -- --help'

export const help = `Usage: npm run import -- FILE… [options]

Imports partners, touchpoints (events) and deals from CSV, NDJSON or a JSON array, also gzipped (.gz). The file - is standard input.
Running it again stores nothing twice. docs/import.md explains each option and shows examples.

How rows become partners, events and deals:
  --kind KIND             what each row is: ${kinds.join(', ')}; or several, such as deal,event, for rows that hold one of each
  --map 'COLUMN=FIELD'    the field that a column fills; 'COLUMN=' leaves the column out
  --map-file FILE         a JSON file of such options, or one of the service: ${shippedMaps.join(', ')}
  --set FIELD=TEXT        what fills a field that the row leaves empty; {COLUMN} stands for the value of a column
  --only 'COLUMN=TEXT'    take only rows with this text in the column
  --unknown ${unknownTreatments.join('|')}
                          what becomes of columns that are no field: left out, put under metadata, or the row is refused

How values are written:
  --date-format FORMAT    such as DD.MM.YYYY, MM/DD/YYYY or 'YYYY-MM-DD HH:mm'; 2026-01-31 is always read
  --time-zone ZONE        the time zone of times without an offset (TIME_ZONE, else UTC)
  --decimal-comma         1.234,56 is a number
  --delimiter ${Object.keys(delimiters).join('|')}   how cells are separated; found out unless it is set
  --encoding ENCODING     ${encodingNames.join(', ')}; found out unless it is set

How the import runs:
  --update                changes what the service has already, so that a nightly export is a sync
  --void-missing          with --update: voids the deals and events that an earlier file of the source had and these files lack,
                          and reinstates them when they are back
  --source NAME           a name for these exports, such as hubspot-deals; --void-missing needs it
  --dry-run               checks every row and sends nothing
  --report FILE           writes why each row was refused to FILE instead of printing it
  --refused FILE          writes the refused rows to FILE: mend them and import FILE with the same options
  --url URL               the service (API_URL, else this machine); the API key is API_KEY
  --patience SECONDS      how long to wait for a service that does not answer (60)
  --help                  shows this

--map, --map-file, --set, --only and --date-format may be repeated.
Exit code: 0 all rows are stored, 2 some were refused, 1 the import could not go on.
`

export type ImportOptions = ReturnType<typeof readOptions>

/** Reads the command line. Throws if an option is unknown or has no valid value. */
export function readOptions(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      kind: { type: 'string' },
      map: { type: 'string', multiple: true },
      'map-file': { type: 'string', multiple: true, default: [] },
      set: { type: 'string', multiple: true },
      only: { type: 'string', multiple: true },
      unknown: { type: 'string' },
      'date-format': { type: 'string', multiple: true },
      'time-zone': { type: 'string' },
      'decimal-comma': { type: 'boolean' },
      delimiter: { type: 'string' },
      encoding: { type: 'string' },
      update: { type: 'boolean', default: false },
      'void-missing': { type: 'boolean', default: false },
      source: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      report: { type: 'string' },
      refused: { type: 'string' },
      url: { type: 'string' },
      key: { type: 'string' },
      patience: { type: 'string', default: '60' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return { ...values, files: positionals, form: {} }
  if (positionals.length === 0) throw new Error(usage)
  if (!/^\d{1,6}$/.test(values.patience))
    throw new Error('--patience must be a number of seconds, such as 60.')
  if (values['void-missing'] && !(values.update && values.source))
    throw new Error('--void-missing needs --update and --source NAME.')
  return { ...values, files: positionals, form: readForm(values) }
}

function readForm({
  delimiter,
  encoding,
}: {
  readonly delimiter?: string
  readonly encoding?: string
}): FileForm {
  const known = encodingNames.find((name) => name === encoding?.toLowerCase())
  if (encoding !== undefined && known === undefined)
    throw new Error(`--encoding must be one of ${encodingNames.join(', ')}.`)
  if (delimiter !== undefined && delimiters[delimiter] === undefined)
    throw new Error(`--delimiter must be one of ${Object.keys(delimiters).join(' ')}.`)
  return { delimiter: delimiter && delimiters[delimiter], encoding: known }
}
