import { setTimeout } from 'node:timers/promises'

const delaysMs = [100, 200, 400, 800, 1600, 3200]

/** Retries server errors, with 6.3 s of delays in all: a short outage of the database or a lock does not end long work. */
export async function withRetries<Result>(work: () => Promise<Result>): Promise<Result> {
  for (const delay of delaysMs) {
    try {
      return await work()
    } catch (error) {
      // A retry cannot change a client error.
      const { statusCode = 500 } = error as { readonly statusCode?: number }
      if (statusCode < 500) throw error
      await setTimeout(delay)
    }
  }
  return work()
}
