import type { Cause } from './schemas.ts'

const mostListed = 100

interface Origin {
  readonly event_ids?: readonly string[]
  readonly api_key_ids: readonly string[]
  readonly note?: string | undefined
}

/** The cause to store with a version: of each list at most the first 100 ids, sorted. */
export function causeOf({ event_ids = [], api_key_ids, note }: Origin): Cause {
  return {
    event_ids: firstOf(event_ids),
    events_count: event_ids.length,
    note: note ?? null,
    api_key_ids: firstOf(api_key_ids),
  }
}

function firstOf(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort().slice(0, mostListed)
}
