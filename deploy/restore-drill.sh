#!/bin/sh
# Dumps a database, restores the dump into a new one, compares the two, and tries the guards of the copy.
# The database may be in use: the dump and the figures that it is held against come from one snapshot.
# What to connect to comes from the environment, so that no argument holds a password: PGSERVICE, or PGHOST, PGUSER,
# PGDATABASE and a ~/.pgpass. The role is a superuser, or an owner of the tables that may create databases.
#   PGSERVICE=attribution deploy/restore-drill.sh        where PostgreSQL's client programs are
#   docker compose exec -T -u postgres -e PGDATABASE=attribution database sh <deploy/restore-drill.sh
set -eu

if [ $# -gt 0 ]; then
  echo 'The database is given by the environment: PGSERVICE, or PGHOST, PGUSER and PGDATABASE.' >&2
  exit 1
fi
drill=restore_drill_$$
folder=$(mktemp -d)
export dump="$folder/dump"
trap 'psql --quiet --command "drop database if exists $drill with (force)"; rm -rf "$folder"' EXIT

now() { date +%s%N; }
seconds() { awk "BEGIN { printf \"%.1f s\", ($2 - $1) / 1e9 }"; }

cat >"$folder/figures.sql" <<'SQL'
-- Every row of every table counts in its checksum, in whatever order the rows are stored.
select format('select %L, count(*), coalesce(sum(hashtextextended(row::text, 0)::numeric), 0) from %I row',
  'rows of ' || tablename, tablename)
from pg_tables where schemaname = 'public' order by tablename \gexec
select 'deals', currency, count(*), sum(amount_minor) from deals group by currency order by currency;
select 'versions', currency, count(*), sum(amount_minor), sum(unattributed_minor)
from attributions group by currency order by currency;
select 'shares', count(*), sum(payout_minor) from shares;
select 'versions that do not add up', count(*) from attributions a where amount_minor - unattributed_minor <>
  (select coalesce(sum(payout_minor), 0) from shares s where s.deal_id = a.deal_id and s.version = a.version);
select 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated
from pg_constraint where connamespace = 'public'::regnamespace order by conrelid::regclass::text, conname;
select 'index', indexdef from pg_indexes where schemaname = 'public' order by indexdef;
select 'trigger', pg_get_triggerdef(oid), tgenabled
from pg_trigger where not tgisinternal order by pg_get_triggerdef(oid);
select 'function', proname, md5(prosrc) from pg_proc where pronamespace = 'public'::regnamespace order by proname;
select 'privileges', relname, relowner::regrole, array(select acl::text from unnest(relacl) as acl order by 1)
from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'S') order by relname;
SQL
cat >"$folder/dump.sql" <<'SQL'
begin isolation level repeatable read read only;
select pg_export_snapshot() as snapshot \gset
\setenv snapshot :snapshot
\! pg_dump --format=custom --snapshot="$snapshot" --file="$dump" || rm -f "$dump"
\o :before
\i :figures
SQL
cat >"$folder/guards.sql" <<'SQL'
set client_min_messages = warning;
do $$
declare
  change text;
begin
  foreach change in array array[
    'update shares set payout_minor = payout_minor', 'delete from shares', 'truncate shares',
    'update attributions set amount_minor = amount_minor', 'delete from attributions', 'truncate attributions cascade'
  ] loop
    begin
      execute change;
      raise exception 'The guard of the restored record is gone: %', change;
    exception when restrict_violation then
      null;
    end;
  end loop;
end $$;
-- A restored version may have the id of a transaction of today; this one is given it.
do $$
declare
  share shares;
  violated text;
begin
  select * into share from shares order by deal_id, version, partner_id limit 1;
  select id into share.partner_id from partners where not exists (
    select from shares where (deal_id, version, partner_id) = (share.deal_id, share.version, partners.id)
  ) limit 1;
  if share.deal_id is null or share.partner_id is null then
    raise warning 'No share and other partner to try the guard of restored versions with.';
    return;
  end if;
  alter table attributions disable trigger attributions_append_only;
  update attributions set transaction_id = pg_current_xact_id()
  where (deal_id, version) = (share.deal_id, share.version);
  insert into shares select share.*;
  raise exception 'A share could join a restored version.';
exception when check_violation then
  get stacked diagnostics violated = constraint_name;
  if violated <> 'shares_of_new_version' then
    raise;
  end if;
end $$;
SQL

ask() { psql --quiet --no-psqlrc --no-align --tuples-only --set ON_ERROR_STOP=1 "$@"; }

begin=$(now)
ask --set "figures=$folder/figures.sql" --set "before=$folder/before" --file "$folder/dump.sql"
dumped=$(now)
ask --command "create database $drill"
# With the owners and the privileges of the original, whose roles this server has.
pg_restore --exit-on-error --jobs=2 --dbname "$drill" "$dump"
restored=$(now)
ask --dbname "$drill" --output "$folder/after" --file "$folder/figures.sql"
diff "$folder/before" "$folder/after"
compared=$(now)
ask --dbname "$drill" --file "$folder/guards.sql"

sed -E '/^(rows of|deals|versions|shares)/!d; s/\|/  /g' "$folder/after"
echo "$(grep -cE '^(constraint|index|trigger|function|privileges)' "$folder/after") constraints, indexes, triggers, \
functions and privileges, all as before"
echo "The record of the copy cannot be changed, and no share can join a version of it"
echo "A dump of $(wc -c <"$dump") bytes in $(seconds "$begin" "$dumped"), restored in $(seconds "$dumped" "$restored"), \
compared in $(seconds "$restored" "$compared"): identical"
