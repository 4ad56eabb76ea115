#!/bin/sh
# Makes the secrets that are not there yet. Each container sees the folders of its own and no other.
set -eu
umask 077

random() {
  head -c "$1" /dev/urandom | base64 -w 0
}

# A password that is a part of a URL.
make_password() {
  if [ ! -s "$1" ]; then
    random 24 | tr '+/' '-_' >"$1"
  fi
}

cd /secrets
make_password database/password
make_password database/service_password
if [ ! -s api/payout_keys ]; then
  echo "$(date +%s):$(random 32)" >api/payout_keys
fi
printf 'postgres://postgres:%s@database:5432/attribution' "$(cat database/password)" >owner/database_url
printf 'postgres://service:%s@database:5432/attribution' "$(cat database/service_password)" >api/database_url
chown -R node:node api owner
