import { type Kysely, sql } from 'kysely'

interface Comments {
  readonly table: string
  readonly columns: Readonly<Record<string, string>>
}

const repeats = 'The same hash under the same id is a repeated submission, another hash is a conflict.'
const span = {
  span: 'hour, day, dekad (a third of a month: from the 1st, 11th or 21st), month, quarter or year, each in UTC.',
  starts: 'Start of the span.',
}
const hour = 'Start of the hour (UTC) in which the deal closed.'

const tables: Readonly<Record<string, Comments>> = {
  api_keys: {
    table: 'One row for each API key, revoked and expired ones included.',
    columns: {
      id: 'key_ and a UUIDv7. Not the secret.',
      key_hash: 'SHA-256 of the secret, which is stored nowhere.',
      scopes:
        'admin includes write, and write includes read. No scope includes payouts:read, payouts:write or payments:approve.',
      rate_limit_max: 'Requests in a window of RATE_LIMIT_WINDOW minutes. Null: RATE_LIMIT_MAX.',
      expires_at: 'Null: never.',
      last_used_at: 'Written at most once a minute.',
      rotated_from: 'The key that this one replaced. Null: none.',
      lineage: 'The first key of a chain of rotations. Null: this key is the first of its chain.',
    },
  },
  attributions: {
    table:
      'One row for each version of the split of a deal, with the facts it was computed from. Append-only.',
    columns: {
      version: '1, 2, 3 and so on for each deal. The current one is deals.version.',
      reason: 'The change that made this version.',
      amount_minor:
        'Amount of the deal in minor units of currency. Equals unattributed_minor plus the sum of payouts.payout_minor of this version (checked at commit).',
      closed_date: 'As deals.closed_date at this version.',
      closed_all_day: 'As deals.closed_all_day at this version.',
      model_parameters: 'As deals.model_parameters at this version.',
      unattributed_minor: 'Part of amount_minor that no partner gets, in minor units of currency.',
      fingerprint:
        'SHA-256 of all inputs of the split: amount, currency, close, whether the deal is void, model, parameters, qualifying touchpoints. A version is recorded only if its fingerprint differs from that of the version before.',
      calculated_at: 'Read under the lock of the deal. Later than that of every earlier version of the deal.',
      transaction_id:
        'The transaction that recorded the version: payouts can be added in no other one. A restored dump keeps the old ids, which then identify no transaction.',
    },
  },
  audit: {
    table:
      'One row for each action on an API key, a partner or payout details: who, what, when. Append-only.',
    columns: {
      id: 'aud_ and a UUID.',
      actor: 'api_key: a request. command_line: a command of the operator. service: the service itself.',
      key_id: 'The API key that acted. Null: another actor.',
      action: 'Object and verb, such as partner.changed.',
      subject_id: 'Id of the API key or partner.',
      before:
        'What the action changed, as it was, without secrets: for payout details the names of their fields. Null: nothing to show.',
      after: 'What the action changed, as it is since then, without secrets. Null: nothing to show.',
      request_id:
        'The X-Request-Id of the request. Null: another actor, or a reading copied from payout_reveals.',
    },
  },
  deal_deltas: {
    table:
      'Changes of deal_figures that are not yet in deal_rollups. Transactions insert rows; a job adds them to the rollups and deletes them.',
    columns: {
      hour,
      deals: '1: adds a deal. -1: takes one away.',
      revenue_minor: 'Amount in minor units of currency. Negative where deals is -1.',
      unattributed_minor: 'Unattributed part in minor units of currency. Zero or negative where deals is -1.',
    },
  },
  deal_rollups: {
    table: 'Sums of deal_figures by span, currency and model.',
    columns: {
      ...span,
      deals: 'Number of deals.',
      revenue_minor: 'Sum of their amounts in minor units of currency.',
      unattributed_minor: 'Sum of their unattributed parts in minor units of currency.',
    },
  },
  deals: {
    table:
      'One row for each closed deal, void ones included, with its current facts. attributions has the facts of each version.',
    columns: {
      id: 'The id that the client sent, or deal_ and a UUIDv7.',
      amount_minor: 'Amount in minor units of currency: cents for USD, yen for JPY.',
      currency: 'ISO 4217 code.',
      closed_date: 'When the deal closed. With closed_all_day, the start of that day.',
      closed_all_day:
        'Whether the client sent a midnight (in any offset), which stands for its whole day: touchpoints qualify up to 24 hours after closed_date, plus close_grace_minutes.',
      model_parameters:
        'Parameters of attribution_model, with the defaults that held when it was set: a default that changes later does not change the deal.',
      version: 'The current version in attributions.',
      voided_at:
        'When the deal was voided. Null: it counts. A void deal has no payouts and no report counts it.',
      submission: `SHA-256 of the body of POST /deals as JSON with sorted members; closed_date as an instant and whether it is a midnight. ${repeats}`,
    },
  },
  events: {
    table: 'One row for each touchpoint, void ones included: what a partner did on a deal, and when.',
    columns: {
      id: 'The id that the client sent, or evt_ and a UUIDv7.',
      deal_id: 'Without a foreign key: touchpoints may arrive before their deal.',
      timestamp: 'When the touchpoint happened; created_at is when it was stored.',
      metadata: 'JSON object of the client. json keeps the order of its members, jsonb does not.',
      known_from:
        'First version of the deal that reads the touchpoint: deals.version + 1 when it was stored, 1 before the deal closed.',
      void_from:
        'First version of the deal that does not count the touchpoint: deals.version + 1 when it was voided, 1 before the deal closed. Null: it counts.',
      voided_at: 'When the touchpoint was voided. Null: it counts.',
      submission: `SHA-256 of the event as sent, as JSON with sorted members and timestamp as an instant. ${repeats}`,
    },
  },
  idempotency_keys: {
    table:
      'One row for each successful request with an Idempotency-Key. A job deletes rows that are older than 72 hours.',
    columns: {
      key_hash:
        'SHA-256 of a JSON array: the first API key of the chain of rotations, method, path, Idempotency-Key.',
      request_hash:
        'HMAC-SHA-256 of the body as JSON with sorted members, keyed by the Idempotency-Key, which is stored nowhere. With payout keys, again HMAC-SHA-256 keyed by a secret derived from the newest of them.',
      status: 'HTTP status of the answer: 200 or 201.',
      answer: 'Body of the answer, without secrets and payout details. json keeps the order of its members.',
    },
  },
  partner_deals: {
    table:
      'One row for each partner and closed deal with a touchpoint of that partner, void ones included. Triggers keep it for lists of deals by partner.',
    columns: {
      currency: 'As deals.currency.',
      attribution_model: 'As deals.attribution_model.',
      closed_date: 'As deals.closed_date.',
    },
  },
  partner_deltas: {
    table:
      'Changes of partner_figures that are not yet in partner_rollups. Transactions insert rows; a job adds them to the rollups and deletes them.',
    columns: {
      hour,
      deals: '1: adds a payout. -1: takes one away.',
      payout_minor: 'Payout in minor units of currency. Zero or negative where deals is -1.',
      percentage_bp: 'Share in basis points. Zero or negative where deals is -1.',
      touchpoints: 'Number of credited touchpoints. Negative where deals is -1.',
    },
  },
  partner_rollups: {
    table: 'Sums of partner_figures by span, currency and partner.',
    columns: {
      ...span,
      deals: 'Number of deals that credit the partner.',
      payout_minor: 'Sum of its payouts in minor units of currency.',
      percentage_bp: 'Sum of its shares in basis points; divided by deals, its average share.',
      touchpoints: 'Number of its touchpoints that those deals credit.',
    },
  },
  partner_touchpoint_rollups: {
    table: 'Sums of touchpoint_figures by year, partner and type.',
    columns: {
      span: 'Always year.',
      starts: 'Start of the year in UTC.',
      touchpoints: 'Number of touchpoints.',
    },
  },
  partners: {
    table: 'One row for each partner, inactive ones included.',
    columns: {
      id: 'The id that the client sent, or ptn_ and a UUIDv7.',
      email: 'Unique without regard to case.',
      status: 'inactive: takes no new touchpoint and keeps its credit.',
      payout_details:
        'JSON object, encrypted with AES-256-GCM; the id of the partner is the associated data. Layout: length of the key id (1 byte), key id, nonce (12 bytes), tag (16 bytes), ciphertext. Null: none.',
      submission: `SHA-256 of the body of POST /partners as JSON with sorted members, without payout_details. ${repeats}`,
    },
  },
  payout_reveals: {
    table:
      'One row for each reading of payout details by a release that had no audit. A trigger copies new rows to audit. Append-only.',
    columns: {},
  },
  payouts: {
    table: 'One row for each partner that a version of a split credits. Append-only.',
    columns: {
      version: 'The version in attributions.',
      payout_minor: 'Part of the amount that the partner gets, in minor units of currency; may be 0.',
      percentage_bp:
        'Share in basis points: hundredths of a percent. The rows of a version add up to 10,000.',
      touchpoints: 'Number of the qualifying touchpoints of the partner on the deal.',
      role: 'The distinct types of those touchpoints, sorted, with a comma and a space between them.',
      closed_date: 'As attributions.closed_date, for the index payouts_newest_of_partner.',
      currency: 'As attributions.currency, for the index payouts_newest_of_partner.',
    },
  },
  rate_limits: {
    table:
      'One row for each current window of a rate limit, shared by all instances. Unlogged: a crash of the database empties it. A job deletes ended windows.',
    columns: {
      subject: 'Id of an API key or, for failed authentications, "failed:" and the address.',
      ends_at: 'End of the window by the clock of the database. A request after it starts a new window.',
      taken: 'Requests that instances have leased from this window, whether they have used them or not.',
    },
  },
  touchpoint_deltas: {
    table:
      'Changes of touchpoint_figures that are not yet in touchpoint_rollups and partner_touchpoint_rollups. Transactions insert rows; a job adds them to the rollups and deletes them.',
    columns: {
      hour: 'Start of the hour (UTC) of the touchpoint.',
      touchpoints: '1: adds a touchpoint. -1: takes one away.',
    },
  },
  touchpoint_rollups: {
    table: 'Sums of touchpoint_figures by span and type.',
    columns: { ...span, touchpoints: 'Number of touchpoints.' },
  },
}

const views: Readonly<Record<string, string>> = {
  attributions_with_shares:
    'attributions with their payouts as one JSON array: [partner_id, name of the partner today, percentage_bp, payout_minor, touchpoints, role] for each, the highest payout first.',
  deal_changes: 'deal_deltas by day, for instances of the release before rollups by the hour.',
  deal_figures: 'What reports count of deals: one row for each deal that is not void.',
  partner_changes: 'partner_deltas by day, for instances of the release before rollups by the hour.',
  partner_figures:
    'What reports count of payouts: one row for each payout of the current version of a deal that is not void.',
  touchpoint_changes: 'touchpoint_deltas by day, for instances of the release before rollups by the hour.',
  touchpoint_figures: 'What reports count of touchpoints: one row for each that is not void.',
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await comment(db, (text) => sql.lit(text))
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await comment(db, () => sql`null`)
}

async function comment(db: Kysely<unknown>, write: (text: string) => ReturnType<typeof sql>): Promise<void> {
  for (const [table, { table: about, columns }] of Object.entries(tables)) {
    await sql`comment on table ${sql.table(table)} is ${write(about)}`.execute(db)
    for (const [column, text] of Object.entries(columns)) {
      await sql`comment on column ${sql.ref(`${table}.${column}`)} is ${write(text)}`.execute(db)
    }
  }
  for (const [view, text] of Object.entries(views)) {
    await sql`comment on view ${sql.table(view)} is ${write(text)}`.execute(db)
  }
}
