/** A line of CSV (RFC 4180). Null is an empty cell. */
export function toCsvLine(cells: readonly (string | number | null)[]): string {
  return `${cells.join(',')}\r\n`
}

/**
 * Text as a cell of CSV. Spreadsheets run text that starts like a formula (CSV injection); an apostrophe prevents that.
 * Numbers need no such cell, and a negative one must not become text.
 */
export function toCsvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
