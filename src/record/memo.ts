/** A function that remembers, and counts how often that saved the work. */
export interface Memoized<Input, Result> {
  (input: Input): Result
  hits(): number
  misses(): number
}

/** Remembers the `capacity` results asked for last, by the key of their input. */
export function memoize<Input, Result extends object>(
  compute: (input: Input) => Result,
  keyOf: (input: Input) => string,
  capacity: number,
): Memoized<Input, Result> {
  const results = new Map<string, Result>()
  let hits = 0
  let misses = 0

  const remembered = (input: Input): Result => {
    const key = keyOf(input)
    const known = results.get(key)
    if (known === undefined) misses++
    else hits++
    const result = known ?? compute(input)
    // A Map keeps the order of insertion: to insert anew is to be the latest, and the first key is the oldest.
    results.delete(key)
    results.set(key, result)
    if (results.size > capacity) results.delete(results.keys().next().value!)
    return result
  }
  return Object.assign(remembered, { hits: () => hits, misses: () => misses })
}
