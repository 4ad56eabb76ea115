#!/bin/sh
# Makes the secrets that are not there yet. Each container sees the folder with its own and no other.
set -eu
umask 077

random() {
  head -c "$1" /dev/urandom | base64 -w 0
}

cd /secrets
if [ ! -s database/password ]; then
  random 24 | tr '+/' '-_' >database/password
fi
if [ ! -s api/payout_keys ]; then
  echo "$(date +%s):$(random 32)" >api/payout_keys
fi
printf 'postgres://postgres:%s@database:5432/attribution' "$(cat database/password)" >api/database_url
chown -R node:node api
