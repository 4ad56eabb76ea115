/** JSON with its members sorted by name, so that values that differ only in the order of members give the same text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sortMembers(value))
}

function sortMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(sortMembers)
  const sorted: Record<string, unknown> = {}
  // Bodies have no member named `__proto__` (see json-scan.ts).
  for (const name of Object.keys(value).sort()) sorted[name] = sortMembers(Reflect.get(value, name))
  return sorted
}
