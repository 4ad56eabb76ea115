#!/bin/sh
# Replaces the API's containers one by one with new ones of the current image; the others serve meanwhile.
set -eu
cd "$(dirname "$0")/.."

containers=$(docker compose ps --quiet api)
count=$(echo "$containers" | wc -l)
for container in $containers; do
  # It goes on serving until the balancer has noticed, and ends what it has begun.
  docker stop --time 15 "$container" >/dev/null
  docker rm "$container" >/dev/null
  docker compose up --detach --wait --no-deps --no-recreate --scale "api=$count" api
done
