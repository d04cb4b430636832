#!/bin/bash
# pgbench in phases: RATE transactions a second, now and then four times as many, with pauses between.
set -u
rate=$1 RANDOM=$2
# Debian's own wrapper of pgbench looks for registered clusters; this one is not.
pgbench=$(ls /usr/lib/postgresql/*/bin/pgbench 2>/dev/null | tail -1)
pgbench=${pgbench:-pgbench}
until "$pgbench" -h /tmp -U postgres -i -q -s 3 postgres >/dev/null 2>&1; do sleep 1; done
while true; do
    harder=$((RANDOM % 4 == 0 ? 4 : 1))
    clients=$((2 + RANDOM % 8))
    "$pgbench" -h /tmp -U postgres -n -c $clients -R $((rate * harder)) -T $((40 + RANDOM % 120)) postgres >/dev/null 2>&1
    sleep $((RANDOM % 60))
done
