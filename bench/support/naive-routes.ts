import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Pool, PoolClient } from 'pg'
import { v7 as uuid } from 'uuid'
import { getAttribution } from '../../src/splits/routes.ts'
import { postDeal } from '../../src/deals/routes.ts'
import { trackEvent } from '../../src/events/routes.ts'
import type { Attribution } from '../../src/splits/schemas.ts'
import type { NewDeal } from '../../src/deals/schemas.ts'
import type { Event } from '../../src/events/schemas.ts'

interface Needs {
  readonly pool: Pool
}

const eventColumns =
  'id, partner_id, deal_id, touchpoint_type, timestamp, metadata, voided_at, void_reason, created_at'

/** A simple version of the routes: one statement for each step and one commit for each request. */
export const naiveRoutes: FastifyPluginAsyncTypebox<Needs> = async (app, { pool }) => {
  app.post('/events', { schema: trackEvent }, async ({ body }, reply) => {
    const { rows } = await pool.query<Event>(
      `insert into naive_events (id, partner_id, deal_id, touchpoint_type, timestamp, metadata, known_from, submission)
       values ($1, $2, $3, $4, $5, $6, 1, '') returning ${eventColumns}`,
      [
        body.id ?? `evt_${uuid()}`,
        body.partner_id,
        body.deal_id,
        body.touchpoint_type,
        body.timestamp ?? new Date(),
        body.metadata ?? null,
      ],
    )
    void reply.code(201)
    return { event: rows[0] as Event }
  })

  app.post('/deals', { schema: postDeal }, async ({ body }, reply) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      const answer = await closeDeal(client, body)
      await client.query('commit')
      void reply.code(201)
      return answer
    } finally {
      client.release()
    }
  })

  app.get('/attribution/:dealId', { schema: getAttribution }, async ({ params }) => {
    const { rows } = await pool.query<Attribution>(
      `select a.deal_id, a.amount_minor / 100.0::float as total_amount, a.currency, a.attribution_model as model,
         a.unattributed_minor / 100.0::float as unattributed, a.version, a.calculated_at, null as voided_at, true as cached,
         (select json_agg(json_build_object('partner_id', p.partner_id, 'partner_name', name, 'payout', payout_minor / 100.0, 'commission', payout_minor / 100.0,
            'percentage', percentage_bp / 100.0, 'touchpoints', touchpoints, 'role', role) order by payout_minor desc, p.partner_id)
          from shares p join partners on partners.id = p.partner_id
          where p.deal_id = a.deal_id and p.version = a.version) as attributions
       from deals join attributions a on a.deal_id = deals.id and a.version = deals.version where deals.id = $1`,
      [params.dealId],
    )
    return rows[0]
  })
}

/** Tables without versions, fingerprints and checks. */
export const naiveTables = `
  create table naive_events (like events including defaults including constraints);
  alter table naive_events drop constraint events_happened_on_known, add primary key (id), add foreign key (partner_id) references partners (id);
  create index on naive_events (deal_id, timestamp, id);
  create index on naive_events (partner_id, timestamp, id);
  create index on naive_events (timestamp, id);
  create table naive_deals (
    id text primary key, amount numeric not null, currency text not null, closed_date timestamptz not null,
    attribution_model text not null, created_at timestamptz not null default now(), updated_at timestamptz not null default now()
  );
  create table naive_payouts (
    deal_id text references naive_deals (id), partner_id text references partners (id), payout numeric not null,
    percentage numeric not null, touchpoints integer not null, role text not null, primary key (deal_id, partner_id)
  );
  create index on naive_payouts (partner_id);
  create index on naive_deals (closed_date);
  grant select, insert on naive_events, naive_deals, naive_payouts to service`

async function closeDeal(client: PoolClient, body: NewDeal) {
  const { id = `deal_${uuid()}`, amount, attribution_model } = body
  const deals = await client.query<{ created_at: string }>(
    `insert into naive_deals (id, amount, currency, closed_date, attribution_model)
     values ($1, $2, 'USD', now(), $3) returning *`,
    [id, amount, attribution_model],
  )
  const touches = await client.query<{ partner_id: string; touchpoint_type: string; name: string }>(
    `select partner_id, touchpoint_type, name from events join partners on partners.id = partner_id
     where deal_id = $1 order by timestamp`,
    [id],
  )
  const shares = [...Map.groupBy(touches.rows, ({ partner_id }) => partner_id)].map(([partner_id, own]) => ({
    partner_id,
    partner_name: own[0]?.name ?? '',
    percentage: Math.round((own.length / touches.rows.length) * 10_000) / 100,
    payout: Math.round((amount * 100 * own.length) / touches.rows.length) / 100,
    touchpoints: own.length,
    role: own.map(({ touchpoint_type }) => touchpoint_type).join(', '),
  }))
  await client.query(
    `insert into naive_payouts (deal_id, partner_id, payout, percentage, touchpoints, role)
     select $1, * from unnest($2::text[], $3::numeric[], $4::numeric[], $5::int[], $6::text[])`,
    [
      id,
      shares.map(({ partner_id }) => partner_id),
      shares.map(({ payout }) => payout),
      shares.map(({ percentage }) => percentage),
      shares.map(({ touchpoints }) => touchpoints),
      shares.map(({ role }) => role),
    ],
  )
  const { created_at } = deals.rows[0] as { created_at: string }
  const common = { currency: 'USD', version: 1 }
  return {
    deal: {
      ...common,
      name: null,
      metadata: null,
      id,
      amount,
      refunded_amount: 0,
      net_amount: amount,
      closed_date: created_at,
      closed_all_day: false,
      closed_on: new Date().toISOString().slice(0, 10),
      attribution_model,
      model_parameters: {},
      commission_plan_id: 'full',
      commission_plan_version: 1,
      voided_at: null,
      void_reason: null,
      created_at,
      updated_at: created_at,
    },
    attribution: {
      ...common,
      deal_id: id,
      total_amount: amount,
      model: attribution_model,
      attributions: shares.map((share) => ({ ...share, commission: share.payout })),
      unattributed: 0,
      calculated_at: created_at,
      voided_at: null,
      cached: false,
    },
  }
}
