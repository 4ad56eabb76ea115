import type { Answer } from './send.ts'
import type { Target } from './target.ts'

/** What came of an attack. */
export interface Outcome {
  /** Answers by their status. */
  readonly answers: ReadonlyMap<number | string, number>
  /** The first answers that should have been others. */
  readonly wrong: readonly string[]
  readonly figures?: string
  /** Whether a bound of the attack's own was kept. */
  readonly isWithinBounds?: boolean
}

export interface Attack {
  readonly name: string
  readonly run: (target: Target) => Promise<Outcome>
}

const mostWrong = 5

/** Counts answers; those of another status than expected, or that fail a test of their own, are wrong. */
export function createTally(...expected: readonly (number | 'cut')[]) {
  const answers = new Map<number | string, number>()
  const wrong: string[] = []
  return {
    add({ status, text }: Answer, isRight = true): void {
      answers.set(status, (answers.get(status) ?? 0) + 1)
      if (expected.includes(status) && isRight) return
      if (wrong.length < mostWrong) wrong.push(`${status} ${text.slice(0, 200)}`)
    },
    outcome: (more: Pick<Outcome, 'figures' | 'isWithinBounds'> = {}): Outcome => ({
      answers,
      wrong,
      ...more,
    }),
  }
}
