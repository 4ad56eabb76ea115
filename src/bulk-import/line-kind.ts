import type { FastifyRequest } from 'fastify'
import type { LineOutcome } from './schemas.ts'

/** Who sends the lines. */
export type Sender = Pick<FastifyRequest, 'id' | 'caller'>

export type LineResult = LineOutcome | Error

/** Runs a piece of work when its turn comes, while the API key of the import is valid, and repeats it after server errors. */
export type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result>

/** How the lines of one kind are converted and stored. */
export interface LineKind {
  /** Converts a line that its schema allows. Errors: 400, 403. */
  read(line: unknown, sender: Sender): unknown
  /** Stores what was read, in this order. A refusal of one is its result. */
  store(lines: readonly unknown[], attempt: Attempt): Promise<readonly LineResult[]>
}

export type KindName = 'partner' | 'event' | 'deal'
