import type { FastifyInstance } from 'fastify'

/**
 * Sends a trace of every request to an OpenTelemetry collector. The packages are imported here, so that a service without a
 * collector does not load them.
 */
export async function traceRequests(app: FastifyInstance, endpoint: string): Promise<void> {
  const [{ FastifyOtelInstrumentation }, { OTLPTraceExporter }, { resourceFromAttributes }, sdk] =
    await Promise.all([
      import('@fastify/otel'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/sdk-trace-node'),
    ])
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`
  // An unreachable collector must not delay the shutdown.
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: 2000 })
  const provider = new sdk.NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'partner-attribution-api' }),
    spanProcessors: [new sdk.BatchSpanProcessor(exporter)],
  })
  provider.register()
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    // The default path includes the query string, which may contain an e-mail address.
    requestHook: (span, { routeOptions }) => span.setAttribute('url.path', routeOptions.url ?? 'unknown'),
  })
  instrumentation.setTracerProvider(provider)
  await app.register(instrumentation.plugin())
  app.addHook('onClose', () => provider.shutdown())
}
