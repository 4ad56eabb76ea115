import t from 'tap'
import { createApp } from '../support/app.ts'
import { givenDeal, givenEvent, givenPartner } from '../support/fixtures.ts'
import { findFreePort } from '../support/free-port.ts'

t.test('GET /metrics counts requests and splits, on its own port and without a key', async (t) => {
  const METRICS_PORT = await findFreePort()
  const service = await createApp(t, { config: { METRICS_PORT } })
  await service.app.ready()
  await givenPartner(service, 'p1')
  await givenDeal(service, { id: 'd1' })
  await givenEvent(service, { partner_id: 'p1', deal_id: 'd1', timestamp: '2024-01-01T00:00:00Z' })
  const again = { 'idempotency-key': 'once' }
  await service.call('POST', '/attribution/d1/recalculate', {}, again)
  await service.call('POST', '/attribution/d1/recalculate', {}, again)
  await service.call('GET', '/deals/secret-customer')
  await service.call('GET', '/no/such/path')

  const response = await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)
  const text = await response.text()

  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  for (const line of [
    'http_request_duration_seconds_count{method="POST",route="/partners",status_code="201"} 1',
    'http_request_duration_seconds_bucket{le="10",method="GET",route="/deals/:dealId",status_code="404"} 1',
    'http_request_duration_seconds_count{method="GET",route="unknown",status_code="404"} 1',
    'attribution_versions_total{reason="closed"} 1',
    'attribution_versions_total{reason="late_event"} 1',
    'idempotent_replays_total 1',
    'http_requests_rate_limited_total 0',
    'attribution_memo_misses_total 0',
    'db_pool_waiting 0',
    'event_group_size_bucket{le="1"} 1',
    'event_queue_length 0',
  ])
    t.ok(text.includes(`\n${line}\n`), line)
  t.match(text, /^process_cpu_seconds_total /m)
  t.notMatch(text, /secret-customer|no\/such|sk_/)
})

t.test('GET /metrics counts memo hits and rate-limited requests', async (t) => {
  const METRICS_PORT = await findFreePort()
  const service = await createApp(t, { config: { METRICS_PORT } })
  await service.app.ready()
  await givenDeal(service, { id: 'd1' })
  await service.call('GET', '/attribution/d1?explain=true')
  await service.call('GET', '/attribution/d1?explain=true')
  for (let failure = 0; failure <= 20; failure += 1)
    await service.call('GET', '/deals', undefined, { 'x-api-key': 'sk_wrong' })

  const response = await fetch(`http://127.0.0.1:${METRICS_PORT}/metrics`)
  const text = await response.text()

  t.match(text, /^http_requests_rate_limited_total 1$/m)
  t.match(text, /^attribution_memo_misses_total 1$/m)
  t.match(text, /^attribution_memo_hits_total 1$/m)
})

t.test('METRICS_PORT serves only metrics, and PORT serves none', async (t) => {
  const METRICS_PORT = await findFreePort()
  const { app, call } = await createApp(t, { config: { METRICS_PORT } })
  await app.ready()

  t.equal((await fetch(`http://127.0.0.1:${METRICS_PORT}/deals`)).status, 404)
  t.equal((await call('GET', '/metrics')).statusCode, 404)
})
