/**
 * Does work on items, in rounds in which no two items have the same id, so that a later item meets what an earlier one left.
 * Returns the results by index.
 */
export async function inRounds<Item extends { readonly id: string }, Result>(
  items: readonly Item[],
  work: (some: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const rounds: { item: Item; index: number }[][] = []
  const seen = new Map<string, number>()
  for (const [index, item] of items.entries()) {
    const round = seen.get(item.id) ?? 0
    seen.set(item.id, round + 1)
    ;(rounds[round] ??= []).push({ item, index })
  }
  const results: Result[] = []
  for (const round of rounds) {
    const done = await work(round.map(({ item }) => item))
    for (const [place, { index }] of round.entries()) results[index] = done[place] as Result
  }
  return results
}
