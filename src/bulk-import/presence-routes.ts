import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Write } from '../http/idempotency.ts'
import { answers } from '../http/problems.ts'
import { ref } from '../values/schemas.ts'
import { followRange, type FollowSource } from './presence.ts'
import { Presence, SourceRange } from './presence-schemas.ts'
import type { Attempt } from './line-kind.ts'

interface PresenceOptions {
  readonly write: Write
  readonly inTurn: Attempt
  /** What follows a source, by kind. */
  readonly follow: Readonly<Record<SourceRange['kind'], FollowSource>>
}

const postPresence = {
  operationId: 'followSource',
  summary: 'Void what a source no longer holds, and reinstate what it holds again',
  description:
    'Compares the ids that a source holds, range by range, with those that it listed before. New ones are remembered. What was missing and is back is reinstated, unless another void than that of this operation holds. With `missing: "void"`, what was listed before and is missing is voided, with the reason `Missing from SOURCE`. With `missing: "count"`, nothing is changed: add up `missing_count` of all ranges first, because a list that was cut off voids all that it lacks. What the source never listed is left alone. If nothing changed, nothing is written.',
  tags: ['Import'],
  body: ref(SourceRange),
  response: answers({ 200: ref(Presence) }),
}

export const presence: FastifyPluginAsyncTypebox<PresenceOptions> = async (
  app,
  { write, inTurn, follow },
) => {
  app.post('/import/presence', { schema: postPresence }, (request, reply) => {
    const { body: range, caller } = request
    return inTurn(() =>
      write(request, reply, async (trx) => ({
        status: 200,
        body: await followRange(trx, { range, keyId: caller.id, follow: follow[range.kind] }),
      })),
    )
  })
}
