interface Stored {
  /** The JSON text that the database holds. */
  readonly metadata: string | null
}

/**
 * Events of a list as JSON text. Their metadata are never parsed: of 16 kB of text, objects may take 200 kB, and a page
 * has up to a thousand.
 */
export function serializeEvents(events: readonly Stored[]): string {
  const texts = events.map(({ metadata, ...event }) => {
    const text = JSON.stringify(event)
    return `${text.slice(0, -1)},"metadata":${metadata ?? 'null'}}`
  })
  return `[${texts.join(',')}]`
}
