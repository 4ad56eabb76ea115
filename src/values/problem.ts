import { type Static, Type } from '@sinclair/typebox'
import * as errors from '../errors.ts'
import { OneOf, ref } from './schemas.ts'

// @fastify/error writes codes in capitals; the API sends them in lower case, as all its names.
export const errorCodes = Object.values(errors)
  .filter((error) => 'prototype' in error && error.prototype instanceof Error)
  .map((ApiError) => Reflect.construct(ApiError, ['', '']) as { readonly code: string })
  .map(({ code }) => code.toLowerCase())

export const ProblemCode = OneOf(errorCodes, {
  $id: 'ProblemCode',
  description: 'What went wrong, for programs: a code never changes its meaning.',
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
    type: Type.String({ description: 'A URI reference of the kind of problem.' }),
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
