/** In the order of the import: partners before the events that refer to them; deals last, so that each is split once. */
export const kinds = ['partner', 'event', 'deal'] as const
export type Kind = (typeof kinds)[number]

/** A line of a file, with its fields, or with the fault that makes it unreadable. */
export type FileLine =
  | { readonly line: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly fault: string }

/** A value that JSON.stringify writes exactly as the text of this number. */
export function rawNumber(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
