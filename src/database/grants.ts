import { type Kysely, type RawBuilder, sql } from 'kysely'

// The service deletes from these tables only.
const deletable = [
  'idempotency_keys',
  'rate_limits',
  'partner_deals',
  'deal_deltas',
  'partner_deltas',
  'touchpoint_deltas',
]

/**
 * Grants a role the rights that the service needs in the schema of this connection and revokes all others on its tables.
 * A second run changes nothing. Append-only tables are those with the trigger `refuse_change`.
 */
export async function grantService<DB>(owner: Kysely<DB>, role: string): Promise<void> {
  const { rows } = await sql<{ statement: string }>`
    (${changesOfTables(role)}) union all (${changesElsewhere(role)})`.execute(owner)
  for (const { statement } of rows) await sql.raw(statement).execute(owner)
}

/** The grants and revokes that tables, views and sequences need, as statements. */
function changesOfTables(role: string): RawBuilder<unknown> {
  return sql`
    with relations as (
      select oid, relkind, relname, exists (
        select from pg_trigger join pg_proc on pg_proc.oid = tgfoid where tgrelid = pg_class.oid and proname = 'refuse_change'
      ) as is_append_only
      from pg_class
      where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'S')
        and pg_has_role(relowner, 'usage')
    ), needed as (
      select oid, relkind, privilege
      from relations cross join lateral (values
        ('SELECT', true),
        ('USAGE', relkind = 'S'),
        ('INSERT', relkind in ('r', 'p')),
        ('UPDATE', relkind in ('r', 'p') and not is_append_only),
        ('DELETE', relkind in ('r', 'p') and relname = any (${deletable}))
      ) as privileges (privilege, is_needed)
      where is_needed and (privilege = 'SELECT' or relname not in ('kysely_migration', 'kysely_migration_lock'))
    ), held as (
      select relations.oid, relkind, privilege_type as privilege
      from relations join pg_class using (oid, relkind, relname) cross join aclexplode(relacl)
      where grantee = quote_ident(${role})::regrole
    ), changes as (
      select 'grant' as verb, 'to' as preposition, * from (table needed except table held) as missing
      union all
      select 'revoke', 'from', * from (table held except table needed) as surplus
    )
    select format('%s %s on %s %s %s %I', verb, string_agg(privilege, ', '),
      case relkind when 'S' then 'sequence' else 'table' end, oid::regclass, preposition, ${role}::text) as statement
    from changes group by verb, preposition, relkind, oid`
}

/** The grants and revokes that the schema, the database and the functions need, as statements. */
function changesElsewhere(role: string): RawBuilder<unknown> {
  return sql`
    select format('grant usage on schema %I to %I', current_schema(), ${role}::text)
    where not has_schema_privilege(${role}, current_schema(), 'usage')
    union all
    select format('revoke create on schema %I from public, %I', current_schema(), ${role}::text)
    where has_schema_privilege(${role}, current_schema(), 'create')
    union all
    -- A temporary table would hide the real table of the same name from the triggers.
    select format('revoke create, temporary on database %I from public, %I', current_database(), ${role}::text)
    where has_database_privilege(${role}, current_database(), 'create, temporary')
    union all
    select format('grant execute on function %s to %I', oid::regprocedure, ${role}::text)
    from pg_proc
    where pronamespace = current_schema()::regnamespace and pg_has_role(proowner, 'usage')
      and not has_function_privilege(${role}, oid, 'execute')`
}
