import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { v7 as uuid } from 'uuid'
import { getAttribution } from '../../src/splits/routes.ts'
import { trackEvent } from '../../src/events/routes.ts'

const partners = ['p1', 'p2', 'p3', 'p4', 'p5']

/** The routes of the service with fixed answers: the upper limit for any database. */
export const noDatabaseRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post('/events', { schema: trackEvent }, async ({ body }, reply) => {
    const now = new Date().toISOString()
    void reply.code(201)
    return {
      event: {
        id: body.id ?? `evt_${uuid()}`,
        partner_id: body.partner_id,
        deal_id: body.deal_id,
        touchpoint_type: body.touchpoint_type,
        timestamp: body.timestamp ?? now,
        metadata: body.metadata ?? null,
        voided_at: null,
        void_reason: null,
        created_at: now,
      },
    }
  })

  app.get('/attribution/:dealId', { schema: getAttribution }, async ({ params }) => ({
    deal_id: params.dealId,
    total_amount: 1000,
    currency: 'USD',
    model: 'linear' as const,
    attributions: partners.map((partner_id) => ({
      partner_id,
      partner_name: partner_id,
      percentage: 20,
      payout: 200,
      commission: 200,
      touchpoints: 1,
      role: 'demo',
    })),
    unattributed: 0,
    version: 1,
    calculated_at: '2025-01-01T00:00:00.000Z',
    voided_at: null,
    cached: true,
  }))
}
