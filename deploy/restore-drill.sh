#!/bin/sh
# Dumps a database, restores the dump into a new one, and compares the two: rows, sums, constraints, triggers.
# The database may be in use: the dump and the figures that it is held against come from one snapshot.
#   deploy/restore-drill.sh postgres://…            where PostgreSQL's client programs are
#   docker compose exec -T -u postgres database sh -s attribution <deploy/restore-drill.sh
set -eu

source=${1:?Usage: restore-drill.sh DATABASE}
drill=restore_drill_$$
folder=$(mktemp -d)
export dump="$folder/dump"
trap 'psql --quiet --dbname "$source" --command "drop database if exists $drill with (force)"; rm -rf "$folder"' EXIT

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
select 'payouts', count(*), sum(payout_minor) from payouts;
select 'versions that do not add up', count(*) from attributions a where amount_minor - unattributed_minor <>
  (select coalesce(sum(payout_minor), 0) from payouts p where p.deal_id = a.deal_id and p.version = a.version);
select 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated
from pg_constraint where connamespace = 'public'::regnamespace order by conrelid::regclass::text, conname;
select 'index', indexdef from pg_indexes where schemaname = 'public' order by indexdef;
select 'trigger', pg_get_triggerdef(oid), tgenabled
from pg_trigger where not tgisinternal order by pg_get_triggerdef(oid);
select 'function', proname, md5(prosrc) from pg_proc where pronamespace = 'public'::regnamespace order by proname;
SQL
cat >"$folder/dump.sql" <<'SQL'
begin isolation level repeatable read read only;
select pg_export_snapshot() as snapshot \gset
\setenv snapshot :snapshot
\! pg_dump --format=custom --snapshot="$snapshot" --file="$dump" "$source" || rm -f "$dump"
\o :before
\i :figures
SQL

ask() { psql --quiet --no-psqlrc --no-align --tuples-only --set ON_ERROR_STOP=1 "$@"; }
export source

begin=$(now)
ask --dbname "$source" --set "figures=$folder/figures.sql" --set "before=$folder/before" --file "$folder/dump.sql"
dumped=$(now)
ask --dbname "$source" --command "create database $drill"
# The same address but for the name of the database.
case $source in
  *://*) target=$(echo "$source" | sed -E "s#^([^:]+://[^/]+/)[^?]*#\1$drill#") ;;
  *) target=$drill ;;
esac
pg_restore --exit-on-error --no-owner --jobs=2 --dbname "$target" "$dump"
restored=$(now)
ask --dbname "$target" --output "$folder/after" --file "$folder/figures.sql"
diff "$folder/before" "$folder/after"
if ask --dbname "$target" --command 'update payouts set payout_minor = payout_minor' 2>/dev/null; then
  echo 'The restored payouts can be changed: their guard is gone.' >&2
  exit 1
fi

sed -E '/^(rows of|deals|versions|payouts)/!d; s/\|/  /g' "$folder/after"
echo "$(grep -cE '^(constraint|index|trigger|function)' "$folder/after") constraints, indexes, triggers and functions, all as before"
echo "A dump of $(wc -c <"$dump") bytes in $(seconds "$begin" "$dumped"), restored in $(seconds "$dumped" "$restored"), \
compared in $(seconds "$restored" "$(now)"): identical"
