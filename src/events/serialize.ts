interface ListedEvent {
  /** The stored JSON text. */
  readonly metadata: string | null
}

/**
 * The JSON text of a list of events. Metadata is not parsed: a page has up to 1,000 events, and 16 kB of JSON text may
 * become 200 kB of objects.
 */
export function serializeEvents(events: readonly ListedEvent[]): string {
  const texts = events.map(({ metadata, ...event }) => {
    const text = JSON.stringify(event)
    return `${text.slice(0, -1)},"metadata":${metadata ?? 'null'}}`
  })
  return `[${texts.join(',')}]`
}
