import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { type DestinationStream, type Logger, pino } from 'pino'

/** Leaves the logging of requests to `logResponse`. */
export const logController = new LogController({
  disableRequestLogging: true,
  requestIdLogLabel: 'request_id',
})

/** The log of the service: one JSON object a line, and of an error only what cannot repeat a client's data. */
export function createLog(level: string, stream?: DestinationStream): Logger {
  return pino({ level, serializers: { err: describeError } }, stream)
}

// A driver's error also has `detail`, `where` and more, which quote rows: e-mail addresses, whole submissions.
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const { message, code, stack, cause } = error as NodeJS.ErrnoException
  return {
    type: error.name,
    message,
    code,
    stack,
    ...(cause !== undefined && { cause: describeError(cause) }),
  }
}

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
