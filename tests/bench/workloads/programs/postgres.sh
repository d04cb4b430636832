#!/bin/bash
# A PostgreSQL cluster of its own in DATA, then the server in this process.
set -eu
data=$1
bin=$(dirname "$(readlink -f "$(command -v postgres || ls /usr/lib/postgresql/*/bin/postgres | tail -1)")")
"$bin/initdb" -D "$data" -A trust -N >/dev/null
exec "$bin/postgres" -D "$data" -k /tmp -c shared_buffers=64MB -c fsync=off -c listen_addresses=127.0.0.1
