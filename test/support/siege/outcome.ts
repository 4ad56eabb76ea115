import type { AttackAnswer } from './http-client.ts'
import type { Target } from './target.ts'

/** The result of an attack. */
export interface Outcome {
  /** Answers by their status. */
  readonly answers: ReadonlyMap<number | string, number>
  /** The first unexpected answers. */
  readonly wrong: readonly string[]
  readonly measured?: string
  /** False if the attack exceeded its own limit. */
  readonly isWithinBounds?: boolean
}

export interface Attack {
  readonly name: string
  readonly run: (target: Target) => Promise<Outcome>
}

export type AnswerCounter = ReturnType<typeof createAnswerCounter>

const mostWrong = 5

/** Counts answers. An answer is wrong if its status is not expected or `isRight` is false. */
export function createAnswerCounter(...expected: readonly (number | 'cut')[]) {
  const answers = new Map<number | string, number>()
  const wrong: string[] = []
  return {
    add({ status, text }: AttackAnswer, isRight = true): void {
      answers.set(status, (answers.get(status) ?? 0) + 1)
      if (expected.includes(status) && isRight) return
      if (wrong.length < mostWrong) wrong.push(`${status} ${text.slice(0, 200)}`)
    },
    outcome: (more: Pick<Outcome, 'measured' | 'isWithinBounds'> = {}): Outcome => ({
      answers,
      wrong,
      ...more,
    }),
  }
}
