/** Returns a random whole number below a limit. */
export type Random = (limit: number) => number

/** A random number generator that repeats its numbers for the same seed (mulberry32). */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return Math.floor((((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

export function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const shuffled = [...items]
  for (let n = shuffled.length - 1; n > 0; n--) {
    const other = random(n + 1)
    ;[shuffled[n], shuffled[other]] = [shuffled[other] as Item, shuffled[n] as Item]
  }
  return shuffled
}
