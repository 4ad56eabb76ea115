import autocannon, { type Request } from 'autocannon'
import { median } from './median.ts'

interface Load {
  readonly address: string
  readonly key: string
  readonly connections?: number
  /** Seconds, or the number of requests on all connections. */
  readonly extent: { readonly duration: number } | { readonly amount: number }
  /** The requests of one connection, which it repeats. */
  readonly requests: (connection: number) => readonly Request[]
}

/** Measures the answers a second. Fails if any answer is not a 2xx. */
export async function measure({ address, key, connections = 64, extent, requests }: Load): Promise<number> {
  let connection = 0
  const result = await autocannon({
    url: address,
    connections,
    ...extent,
    // A run of an amount ends with a sample: at the default of 1 s, its duration is a whole number of seconds.
    sampleInt: 50,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    setupClient: (client) => client.setRequests(requests(connection++)),
  })
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(
      `${address}: ${result.non2xx} answers were not 2xx, and ${result.errors} requests got no answer.`,
    )
  }
  return result['2xx'] / result.duration
}

/** Measures several loads in turn, so that the other load of the machine affects all alike. Returns medians. */
export async function alternate<Name extends string>(
  rounds: number,
  loads: Readonly<Record<Name, (round: number) => Promise<number>>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(loads) as Name[]
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  for (let round = 0; round < rounds; round++) {
    for (const name of names) measured[name].push(await loads[name](round))
  }
  return Object.fromEntries(names.map((name) => [name, median(measured[name])])) as Record<Name, number>
}
