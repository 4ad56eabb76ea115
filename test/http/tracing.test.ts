import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import t from 'tap'
import { createApp } from '../support/app.ts'

t.test('the collector receives the trace of a request with its route and without its query', async (t) => {
  const received: unknown[] = []
  const collector = createServer((request, response) => {
    received.push(request.url)
    void json(request)
      .then((traces) => received.push(traces))
      .then(() => response.end('{}'))
  }).listen(0, '127.0.0.1')
  t.teardown(() => collector.close())
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  const service = await createApp(t, {
    config: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` },
  })
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

  const answer = await service.call('GET', '/partners?email=alice@example.com', undefined, { traceparent })
  await service.app.close()

  t.equal(answer.statusCode, 200)
  t.equal(received[0], '/v1/traces')
  const text = JSON.stringify(received)
  t.match(text, /"traceId":"0af7651916cd43dd8448eb211c80319c"/)
  t.match(text, /"key":"http.route","value":\{"stringValue":"\/partners"\}/)
  t.match(text, /"key":"http.response.status_code","value":\{"intValue":200\}/)
  t.notMatch(text, /alice|sk_/)
})
