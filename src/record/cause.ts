import type { Cause } from './schemas.ts'

const mostListed = 100

interface Origin {
  readonly event_ids?: readonly string[]
  readonly refund_ids?: readonly string[]
  readonly api_key_ids: readonly string[]
  readonly merged_partner_id?: string
  readonly note?: string | undefined
}

/** The cause to store with a version: of each list at most the first 100 ids, sorted. */
export function causeOf({ event_ids = [], refund_ids, api_key_ids, merged_partner_id, note }: Origin): Cause {
  return {
    event_ids: firstOf(event_ids),
    events_count: event_ids.length,
    ...(merged_partner_id !== undefined && { merged_partner_id }),
    ...(refund_ids !== undefined && { refund_ids: firstOf(refund_ids) }),
    note: note ?? null,
    api_key_ids: firstOf(api_key_ids),
  }
}

function firstOf(ids: readonly string[]): string[] {
  return [...new Set(ids)].sort().slice(0, mostListed)
}
