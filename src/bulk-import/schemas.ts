import { type Static, Type } from '@sinclair/typebox'
import { Fault, ProblemCode } from '../values/problem.ts'
import { OneOf, ref } from '../values/schemas.ts'

export const RefusedLine = Type.Object(
  {
    line: Type.Integer({ description: 'The number of the line, from 1.' }),
    code: ref(ProblemCode),
    detail: Type.String(),
    errors: Type.Array(ref(Fault), { description: 'The first 10 faults of the line.' }),
  },
  { $id: 'RefusedLine' },
)
export type RefusedLine = Static<typeof RefusedLine>

export const ImportReport = Type.Object(
  {
    accepted: Type.Integer({ description: 'Lines whose events this request stored.' }),
    duplicates: Type.Integer({
      description: 'Lines whose events were stored before, or by an earlier line.',
    }),
    refused: Type.Integer({ description: 'Lines that were refused.' }),
    refusals: Type.Array(ref(RefusedLine), {
      description: 'The first refused lines: up to 1000, and up to 256 kB together.',
    }),
  },
  { $id: 'ImportReport' },
)
export type ImportReport = Static<typeof ImportReport>

export const ImportMode = OneOf(['submit', 'declare'], {
  $id: 'ImportMode',
  description:
    'How lines meet what is stored. `submit`: as `POST`, a line with the id of another submission is refused. `declare`: as `PUT`, it changes what is stored. Default: `submit`.',
})

/** The result of a line that is not refused. */
export type LineOutcome = 'created' | 'changed' | 'unchanged'

export const LinesReport = Type.Object(
  {
    created: Type.Integer({ description: 'Lines whose objects this request made.' }),
    changed: Type.Integer({ description: 'Lines that changed a stored object. 0 when submitting.' }),
    unchanged: Type.Integer({ description: 'Lines for which nothing was written.' }),
    refused: ImportReport.properties.refused,
    refusals: ImportReport.properties.refusals,
  },
  { $id: 'LinesReport' },
)
export type LinesReport = Static<typeof LinesReport>
