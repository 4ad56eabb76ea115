import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { fullDeal } from './deal-attacks.ts'
import { repeat } from '../concurrency.ts'
import { type Attack, createAnswerCounter, type Outcome } from './outcome.ts'
import type { Target } from './target.ts'

const page = `/events?deal_id=${fullDeal}&limit=1000`

/** Attacks by clients that read slowly or not at all, and by idle connections. */
export const connectionAttacks: readonly Attack[] = [
  { name: 'pages of 1,000 events of 16 kB', run: readPages },
  { name: 'answers that are never read', run: (target) => withReaders(target, () => {}) },
  { name: 'answers that are read slowly', run: (target) => withReaders(target, readSlowly) },
  { name: 'idle connections', run: openManyConnections },
]

async function readPages({ send, key, pick }: Target): Promise<Outcome> {
  const counter = createAnswerCounter(200, 503)
  let longest = 0
  await repeat(pick(200, 16), 24, async () => {
    const answer = await send({ path: page, key })
    longest = Math.max(longest, answer.bytes)
    counter.add(answer)
  })
  return counter.outcome({ measured: `answers of up to ${(longest / 1e6).toFixed(1)} MB` })
}

/** Requests pages on many connections and holds them, while another client must be served. */
async function withReaders(target: Target, start: (socket: Socket) => void): Promise<Outcome> {
  const { send, key, pick } = target
  const counter = createAnswerCounter(200, 503)
  const sockets = openSockets(target, pick(200, 20))
  for (const socket of sockets) {
    socket.pause()
    socket.write(`GET ${page} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n\r\n`)
    start(socket)
  }
  for (let n = 0; n < pick(30, 3); n++) {
    counter.add(await send({ path: '/partners?limit=1', key }))
    await setTimeout(pick(1000, 100))
  }
  const held = sockets.filter(({ destroyed }) => !destroyed).length
  for (const socket of sockets) socket.destroy()
  return counter.outcome({ measured: `${held} of ${sockets.length} held to the end` })
}

function readSlowly(socket: Socket): void {
  const timer = setInterval(() => socket.read(512), 100)
  socket.once('close', () => clearInterval(timer))
}

/** Opens more connections than the service accepts; afterwards a request must succeed again. */
async function openManyConnections(target: Target): Promise<Outcome> {
  const { send, key, pick } = target
  const counter = createAnswerCounter(200, 503, 'cut')
  const sockets = openSockets(target, pick(2500, 200))
  for (let n = 0; n < 10; n++) counter.add(await send({ path: '/partners?limit=1', key }))
  await setTimeout(pick(2000, 100))
  const held = sockets.filter(({ destroyed }) => !destroyed).length
  for (const socket of sockets) socket.destroy()
  await setTimeout(100)
  const after = await send({ path: '/partners?limit=1', key })
  counter.add(after, after.status === 200)
  return counter.outcome({ measured: `${held} of ${sockets.length} held` })
}

function openSockets({ url }: Target, count: number): readonly Socket[] {
  return Array.from({ length: count }, () => connect(Number(url.port), url.hostname).on('error', () => {}))
}
