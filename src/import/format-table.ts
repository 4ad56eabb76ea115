type Cell = string | number

/** Formats rows as columns under a header. Columns of numbers are right-aligned. */
export function formatTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => String(row[column]).length)),
  )
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => align(cell, widths[column] ?? 0, isNumeric(rows, column)))
      .join('  ')
      .trimEnd()
  return [line(header), ...rows.map(line)].join('\n')
}

function isNumeric(rows: readonly (readonly Cell[])[], column: number): boolean {
  return rows.length > 0 && rows.every((row) => /^[-+]?[\d,.]+(?: ?%)?$/.test(String(row[column])))
}

function align(cell: Cell, width: number, isRight: boolean): string {
  return isRight ? String(cell).padStart(width) : String(cell).padEnd(width)
}
