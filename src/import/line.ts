/** Partners come before what names them; deals last, so that each is split once. */
export const kinds = ['partner', 'event', 'deal'] as const
export type Kind = (typeof kinds)[number]

/** What a line says, before anyone asks whether it is a row. */
export type Line =
  | { readonly line: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly fault: string }

/** A number that JSON.stringify writes as it is written here. */
export function rawNumber(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
