import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { type DestinationStream, type Logger, pino } from 'pino'

/** Turns off the request logging of Fastify; `logResponse` logs requests instead. */
export const logController = new LogController({
  disableRequestLogging: true,
  requestIdLogLabel: 'request_id',
})

/** The log of the service: one JSON object a line, or a line for people on a terminal (`createTerminalLog`). Of an error it contains only fields that cannot hold data of clients. */
export function createLog(level: string, stream?: DestinationStream): Logger {
  return pino({ level, serializers: { err: describeError } }, stream)
}

// An error of pg also has `detail`, `where` and other fields that quote rows, with e-mail addresses or whole submissions.
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

/** Logs one line a request: key, route, status and duration. It never logs a body, a header or a query string. */
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
