import { SingleBar } from 'cli-progress'

const pauseMs = 10_000

/** Shows how far an import is: a bar on a terminal, else a line every ten seconds. */
export function createProgress(stream: NodeJS.WriteStream) {
  const bar = new SingleBar({
    stream,
    format: '{kind} {bar} {percentage} %  {value} of {total}',
    gracefulExit: false,
  })
  let timer: NodeJS.Timeout | undefined
  let done = 0
  return {
    start(kind: string, total: number): void {
      done = 0
      bar.start(total, 0, { kind: `${kind}s`.padEnd(8) })
      if (!stream.isTTY) timer = setInterval(() => stream.write(`${kind}s: ${done} of ${total}\n`), pauseMs)
    },
    add(rows: number): void {
      done += rows
      bar.increment(rows)
    },
    stop(): void {
      clearInterval(timer)
      bar.stop()
    },
    /** Makes room for a line; a bar is drawn again below it. */
    clear(): void {
      if (!bar.isActive || !stream.isTTY) return
      stream.clearLine(0)
      stream.cursorTo(0)
    },
  }
}
