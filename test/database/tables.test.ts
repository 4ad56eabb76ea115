import type { TObject } from '@sinclair/typebox'
import { sql } from 'kysely'
import t from 'tap'
import { ApiKey } from '../../src/api-keys/schemas.ts'
import { AuditEntry } from '../../src/audit/schemas.ts'
import { Deal } from '../../src/deals/schemas.ts'
import { Event } from '../../src/events/schemas.ts'
import { Partner } from '../../src/partners/schemas.ts'
import { Refund } from '../../src/refunds/schemas.ts'
import { createApp } from '../support/app.ts'

interface Column {
  readonly column_name: string
  readonly is_nullable: 'YES' | 'NO'
}

interface Mapping {
  readonly table: string
  readonly resource: TObject
  /** The columns that are not in the resource. */
  readonly own: readonly string[]
  /** The properties that are computed from columns. */
  readonly computed?: readonly string[]
  /** The columns that rows of earlier releases get later. */
  readonly filled?: readonly string[]
}

const tables: readonly Mapping[] = [
  { table: 'partners', resource: Partner, own: ['has_left', 'submission'] },
  {
    table: 'events',
    resource: Event,
    own: ['happened_on', 'known_from', 'revised_at', 'revision', 'submission', 'void_from'],
  },
  {
    table: 'deals',
    resource: Deal,
    own: [
      'amount_minor',
      'closed_until',
      'commission_version',
      'is_plan_named',
      'refunded_minor',
      'submission',
    ],
    computed: ['amount', 'refunded_amount', 'net_amount'],
    filled: ['closed_on'],
  },
  {
    table: 'refunds',
    resource: Refund,
    own: ['amount_minor', 'submission'],
    computed: ['amount', 'counted_on'],
  },
  { table: 'api_keys', resource: ApiKey, own: ['key_hash', 'lineage'] },
  { table: 'audit', resource: AuditEntry, own: [] },
]

t.test('the columns of every table match its resource', async (t) => {
  const { db } = await createApp(t)

  for (const { table, resource, own, computed = [], filled = [] } of tables) {
    const { rows } = await sql<Column>`
      select column_name, is_nullable from information_schema.columns
      where table_schema = 'public' and table_name = ${table}`.execute(db)
    const properties = Object.keys(resource.properties).filter((name) => !computed.includes(name))
    const nullable = properties.filter((name) => JSON.stringify(resource.properties[name]).includes('"null"'))

    t.strictSame(rows.map(({ column_name }) => column_name).sort(), [...properties, ...own].sort(), table)
    t.strictSame(
      rows
        .filter((column) => column.is_nullable === 'YES' && ![...own, ...filled].includes(column.column_name))
        .map(nameOf)
        .sort(),
      nullable.sort(),
      `nullable columns of ${table}`,
    )
  }
})

function nameOf({ column_name }: Column): string {
  return column_name
}
