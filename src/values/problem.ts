import { type Static, Type } from '@sinclair/typebox'
import { catalogue } from '../errors.ts'
import { OneOf, ref } from './schemas.ts'

export const errorCodes = catalogue.map(({ code }) => code)

export const ProblemCode = OneOf(errorCodes, {
  $id: 'ProblemCode',
  description:
    'Why the request failed, for programs. A code never changes its meaning. `/docs/errors` explains each.',
})

export const Fault = Type.Object(
  {
    pointer: Type.String({ description: 'A JSON pointer into the body, or the name of a parameter.' }),
    detail: Type.String(),
  },
  { $id: 'Fault' },
)

/** RFC 9457 problem details. */
export const Problem = Type.Object(
  {
    type: Type.String({
      description: 'Where the code is explained: `/docs/errors#`, then the code.',
    }),
    title: Type.String(),
    status: Type.Integer(),
    code: ref(ProblemCode),
    detail: Type.String(),
    request_id: Type.String(),
    errors: Type.Array(ref(Fault)),
  },
  { $id: 'Problem', description: 'Why a request failed (RFC 9457, Problem Details).' },
)
export type Problem = Static<typeof Problem>
