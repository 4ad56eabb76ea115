/** How many missing deals, or events, `--void-missing` may void. */
export interface VoidLimit {
  readonly share: number
  readonly count: number
}

// Of a short list more than a tenth may vanish in a night.
const standard: VoidLimit = { share: 0.1, count: 10 }

/** Reads `--void-at-most`: a number, or a percentage of what the source has. Throws if it is neither. */
export function readVoidLimit(text: string | undefined): VoidLimit {
  if (text === undefined) return standard
  const [, number, percent] = /^(\d{1,9})(%?)$/.exec(text) ?? []
  const value = Number(number)
  if (number === undefined || (percent === '%' && value > 100))
    throw new Error('--void-at-most must be a number, such as 500, or a percentage, such as 25%.')
  return percent === '%' ? { share: value / 100, count: 0 } : { share: 0, count: value }
}

interface SourceCount {
  readonly source: string
  readonly kind: 'deal' | 'event'
  /** How many the files have. */
  readonly held: number
  /** How many the source listed before and the files lack. */
  readonly missing: number
}

/** Throws if the files lack so many that they were probably cut off, or belong to another source. */
export function confirmVoids({ share, count }: VoidLimit, counts: SourceCount): void {
  const { source, kind, held, missing } = counts
  const most = Math.max(count, Math.floor((held + missing) * share))
  if (missing <= most) return
  throw new Error(
    `Of the ${kind}s of ${source}, ${held} are in the files and ${missing} are missing. At most ${most} may be voided in one run, ` +
      `so nothing was sent. If the files are complete, add --void-at-most ${missing}.`,
  )
}
