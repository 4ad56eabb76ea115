import type { FastifyInstance } from 'fastify'
import { createServer } from 'node:http'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** The metrics of an app. `read` is called when the metrics are collected. */
export interface Metrics {
  readonly registry: Registry
  gauge(name: string, help: string, read: () => number): void
  /** A total that never falls while the process lives. */
  counter(name: string, help: string, read: () => number): void
  /** A total for each value of a label that has few values. Returns the function that adds to it. */
  labelledCounter(name: string, help: string, label: string): (value: string, count: number) => void
  /** The distribution of sizes between 1 and `largest`. Returns the function that adds a size. */
  sizeHistogram(name: string, help: string, largest: number): (size: number) => void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  return {
    registry,
    gauge(name, help, read) {
      const collect = (gauge: Gauge) => gauge.set(read())
      registry.registerMetric(new Gauge({ name, help, registers: [], collect: collectWith(collect) }))
    },
    counter(name, help, read) {
      const collect = (counter: Counter) => {
        counter.reset()
        counter.inc(read())
      }
      registry.registerMetric(new Counter({ name, help, registers: [], collect: collectWith(collect) }))
    },
    labelledCounter(name, help, label) {
      const counter = new Counter({ name, help, registers, labelNames: [label] })
      return (value, count) => counter.inc({ [label]: value }, count)
    },
    sizeHistogram(name, help, largest) {
      const buckets = Array.from({ length: Math.ceil(Math.log2(largest)) + 1 }, (_, power) => 2 ** power)
      const histogram = new Histogram({ name, help, registers, buckets })
      return (size) => histogram.observe(size)
    },
  }
}

/** prom-client passes the metric to `collect` as `this`. */
function collectWith<Metric>(collect: (metric: Metric) => void) {
  return function (this: Metric): void {
    collect(this)
  }
}

/** Measures every request. The label is the pattern of the route, because paths would give an unlimited number of labels. */
export function measureRequests(app: FastifyInstance, { registry }: Metrics): void {
  const registers = [registry]
  const durations = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Duration of requests, from their headers to the end of the answer.',
    labelNames: ['method', 'route', 'status_code'],
    registers,
  })
  const refusals = new Counter({
    name: 'http_requests_rate_limited_total',
    help: 'Requests refused with 429.',
    registers,
  })
  const replays = new Counter({
    name: 'idempotent_replays_total',
    help: 'Requests answered with the stored answer of their Idempotency-Key.',
    registers,
  })
  app.addHook('onResponse', async ({ method, routeOptions: { url: route = 'unknown' } }, reply) => {
    durations.observe({ method, route, status_code: reply.statusCode }, reply.elapsedTime / 1000)
    if (reply.statusCode === 429) refusals.inc()
    if (reply.hasHeader('idempotency-replayed')) replays.inc()
  })
}

/** Serves the metrics on a port of their own while the app runs. They need no API key and are not for clients. */
export function serveMetrics(
  app: FastifyInstance,
  { registry }: Metrics,
  address: { readonly host: string; readonly port: number },
): void {
  collectDefaultMetrics({ register: registry })
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (err: unknown) => {
        app.log.error({ err }, 'collecting metrics failed')
        response.writeHead(500).end()
      },
    )
  })
  app.addHook('onReady', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject).listen(address.port, address.host, resolve)
    await promise
    app.log.info(server.address(), 'serving metrics')
  })
  app.addHook('onClose', async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  })
}
