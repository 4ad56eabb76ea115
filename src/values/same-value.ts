import { isDeepStrictEqual } from 'node:util'
import { canonicalJson } from './canonical-json.ts'

/** Whether a stored value is what a client sent. Of JSON numbers, -0 is stored as 0. */
export function isSameValue(stored: unknown, sent: unknown): boolean {
  if (isDeepStrictEqual(stored, sent)) return true
  const areObjects = [stored, sent].every((value) => typeof value === 'object' && value !== null)
  return areObjects && canonicalJson(stored) === canonicalJson(sent)
}
