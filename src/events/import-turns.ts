import { takeTurns } from '../database/group.ts'
import { TooManyImports } from '../errors.ts'

const importsAtOnce = 16
const importsWaiting = 64

interface Line {
  readonly takeTurn: ReturnType<typeof takeTurns>
  imports: number
}

/**
 * Runs one import of a key at a time and lets one more wait, as long as its client does; all keys together run 16.
 * Errors: 503 past that.
 */
export function takeTurnsByKey() {
  const lines = new Map<string, Line>()
  const takePlace = takeTurns(importsAtOnce, importsWaiting)

  return async <Result>(keyId: string, work: () => Promise<Result>, signal: AbortSignal): Promise<Result> => {
    const line = lines.get(keyId) ?? { takeTurn: takeTurns(1, 1), imports: 0 }
    if (line.imports === 2) throw new TooManyImports()
    lines.set(keyId, line)
    line.imports += 1
    try {
      return await line.takeTurn(() => takePlace(work, { signal }), { signal })
    } finally {
      line.imports -= 1
      if (line.imports === 0) lines.delete(keyId)
    }
  }
}
