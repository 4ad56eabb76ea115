import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import type { Test } from 'tap'
import { createApp } from '../support/app.ts'

export async function createListeningApp(t: Test) {
  const service = await createApp(t)
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = service.app.server.address() as AddressInfo
  return { ...service, port }
}

/** Sends raw text and returns all that the service sends until it closes the connection. */
export async function exchange(port: number, ...texts: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // The service may close the connection before it has read the whole request.
  socket.on('error', () => {})
  for (const text of texts) socket.write(text)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}
