import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { createLog } from '../../src/http/log.ts'
import { createTerminalLog } from '../../src/http/terminal-log.ts'

t.test('the log on a terminal has the time, the level, the message and the fields in one line', (t) => {
  const { log, lines } = createLines()

  log.info({ route: '/deals', status: 200, ms: 3.1 }, 'request served')
  log.warn({ settings: ['jit'] }, 'settings do not reach the database')
  log.debug('not written')

  t.match(lines(), [
    /^\d\d:\d\d:\d\d INFO {2}request served route=\/deals status=200 ms=3\.1$/,
    /^\d\d:\d\d:\d\d WARN {2}settings do not reach the database settings=\["jit"\]$/,
  ])
  t.equal(lines().length, 2)
  t.end()
})

t.test('the log on a terminal shows the stack of an error and its cause, without control characters', (t) => {
  const { log, lines, written } = createLines()

  log.error({ err: new TypeError('the \u001B[2Jerror', { cause: new Error('the cause') }) }, 'request failed')

  t.match(lines()[0], /ERROR request failed$/)
  t.equal(lines()[1], 'TypeError: the error')
  t.match(lines().slice(2).join('\n'), /^ +at [^]*\nError: the cause\n +at /)
  t.notOk(written().includes('\u001B[2J'))
  t.end()
})

function createLines() {
  let text = ''
  const terminal = { write: (chunk: string) => (text += chunk) } as unknown as NodeJS.WritableStream
  return {
    log: createLog('info', createTerminalLog(terminal)),
    written: () => text,
    lines: () => stripVTControlCharacters(text).trimEnd().split('\n'),
  }
}
