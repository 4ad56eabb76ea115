import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/** Leaves the logging of requests to `logResponse`. */
export const logController = new LogController({ disableRequestLogging: true })

/** One line a request: who, what and how it went; never a body, a header or a query. */
export async function logResponse(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  request.log.info(
    {
      key_id: request.caller?.id,
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
    },
    'request served',
  )
}
