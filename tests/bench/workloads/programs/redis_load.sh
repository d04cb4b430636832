#!/bin/bash
# redis-benchmark in short runs of REQUESTS, now and then a run of pauses.
set -u
requests=$1 RANDOM=$2
while true; do
    redis-benchmark -q -r 20000 -n $((requests + RANDOM % requests)) -c $((5 + RANDOM % 20)) -t set,get,lpush,lpop >/dev/null 2>&1
    sleep $((1 + RANDOM % 5))
    [ $((RANDOM % 20)) -eq 0 ] && sleep $((60 + RANDOM % 90))
done
