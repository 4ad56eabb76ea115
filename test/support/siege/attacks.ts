import { answers } from './answers.ts'
import { bodies } from './bodies.ts'
import { deals } from './deals.ts'
import { strangers } from './strangers.ts'
import type { Attack } from './tally.ts'
import { uploads } from './uploads.ts'

/** All attacks, in an order in which the later find what the earlier left. */
export const attacks: readonly Attack[] = [...strangers, ...bodies, ...uploads, ...deals, ...answers]
