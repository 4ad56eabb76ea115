/** Runs a task for each item, `atOnce` at a time. */
export async function forEachOf<Item>(
  items: Iterable<Item>,
  atOnce: number,
  task: (item: Item) => Promise<unknown>,
): Promise<void> {
  const waiting = items[Symbol.iterator]()
  const work = async () => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) await task(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

/** Runs a task `times` times, `atOnce` at a time. */
export function repeat(times: number, atOnce: number, task: (n: number) => Promise<unknown>): Promise<void> {
  return forEachOf(Array(times).keys(), atOnce, task)
}
