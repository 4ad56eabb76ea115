/** `change` over `base`: objects in both are merged, deeply; every other value of `change` replaces that of `base`. */
export function mergeObjects<Whole extends object>(base: Whole, change: object): Whole {
  const changed = Object.entries(change).map(([name, value]: [string, unknown]) => {
    const kept: unknown = Object.hasOwn(base, name) ? Reflect.get(base, name) : undefined
    return [name, isObject(kept) && isObject(value) ? mergeObjects(kept, value) : value]
  })
  return Object.fromEntries([...Object.entries(base), ...changed]) as Whole
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
