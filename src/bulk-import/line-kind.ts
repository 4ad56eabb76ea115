import type { FastifyRequest } from 'fastify'
import type { LineOutcome } from './schemas.ts'

/** Who sends the lines. */
export type Sender = Pick<FastifyRequest, 'id' | 'caller'>

export type LineResult = LineOutcome | Error

/** Runs a piece of work when its turn comes, while the API key of the import is valid, and repeats it after server errors. */
export type Attempt = <Result>(work: () => Promise<Result>) => Promise<Result>

/** Stores prepared lines in their order. A refusal of one is its result. */
type Store = (attempt: Attempt) => Promise<readonly LineResult[]>

/** How the lines of one kind are converted and stored. */
export interface LineKind {
  /** Converts a line that its schema allows. Errors: 400, 403. */
  read(line: unknown, sender: Sender): unknown
  /** Prepares what was read, while the batch before is stored. */
  prepare(lines: readonly unknown[]): Store
}

export type KindName = 'partner' | 'event' | 'deal' | 'refund'
