import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Environment } from '../config.ts'

/** Throws a sentence that names the setting if the service cannot listen on PORT or METRICS_PORT. */
export async function requirePorts({ HOST: host, PORT, METRICS_PORT }: Environment): Promise<void> {
  await requirePort('PORT', host, PORT)
  if (METRICS_PORT === undefined) return
  if (METRICS_PORT === PORT && PORT !== 0)
    throw new Error(`METRICS_PORT and PORT are both ${PORT}: choose another METRICS_PORT.`)
  await requirePort('METRICS_PORT', host, METRICS_PORT)
}

async function requirePort(setting: string, host: string, port: number): Promise<void> {
  const server = createServer()
  const fault = await once(server.listen({ host, port }), 'listening').then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  )
  server.close()
  if (fault === undefined) return
  if (fault.code === 'EADDRINUSE')
    throw new Error(
      `${setting} ${port} is in use on ${host}: stop the process that uses it, or set another ${setting}.`,
    )
  if (fault.code === 'EACCES')
    throw new Error(`This user may not open the ${setting} ${port}: set ${setting} to 1024 or above.`)
  throw new Error(`HOST must be an address of this machine, not ${host} (${fault.message}).`)
}
