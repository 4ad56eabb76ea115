import { EventEmitter, once } from 'node:events'
import type { Clock } from '../../src/values/clock.ts'

export interface TestClock extends Clock {
  /** Advances the clock and calls the timers that are due. */
  readonly pass: (ms: number) => void
  /** Resolves when a timer is set. */
  readonly waited: () => Promise<void>
}

/** A clock that advances only by `pass`. */
export function createClock(): TestClock {
  const timers = new Set<{ readonly at: number; readonly call: () => void }>()
  const changes = new EventEmitter()
  let now = 0
  return {
    now: () => now,
    after(ms, call) {
      const timer = { at: now + ms, call }
      timers.add(timer)
      changes.emit('set')
      return () => timers.delete(timer)
    },
    pass(ms) {
      now += ms
      for (const timer of timers) {
        if (timer.at > now) continue
        timers.delete(timer)
        timer.call()
      }
    },
    async waited() {
      if (timers.size === 0) await once(changes, 'set')
    },
  }
}
