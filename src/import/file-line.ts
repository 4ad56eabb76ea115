/** In the order of the import: partners before the events that refer to them; then deals, so that each is split once; refunds of deals last. */
export const kinds = ['partner', 'event', 'deal', 'refund'] as const
export type Kind = (typeof kinds)[number]

/** The first and the last line of a record in its file. */
interface LineRange {
  readonly line: number
  readonly last: number
}

/** A record of a file, with its values by column, or with the fault that makes it unreadable. */
export type FileLine = LineRange &
  ({ readonly values: Readonly<Record<string, unknown>> } | { readonly fault: string })

/** A value that JSON.stringify writes exactly as the text of this number. */
export function rawNumber(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
