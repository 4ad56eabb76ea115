import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A reverse proxy that serves `target` under `/api`, which it strips; everything else is a 404. Returns its address. */
export async function createProxy(t: Test, target: string): Promise<string> {
  const server = createServer((received, answer) => {
    const { url = '', method, headers } = received
    if (!url.startsWith('/api/')) {
      answer.writeHead(404).end()
      return
    }
    const sent = request(new URL(target + url.slice('/api'.length)), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    received.pipe(sent.on('error', () => answer.destroy()))
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`
}
