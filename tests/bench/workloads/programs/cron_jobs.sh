#!/bin/bash
# What cron starts on a server: small jobs each minute, a larger one each five.
set -u
folder=$1 RANDOM=$2 minute=0
mkdir -p "$folder" && cd "$folder"
head -c 6000000 /dev/urandom >archive
while true; do
    ( find /usr/lib -name '*.so.1' >listing 2>/dev/null )
    [ $((minute % 2)) -eq 0 ] && gzip -c archive >archive.gz
    [ $((minute % 5)) -eq 3 ] && { tar -cf backup.tar archive archive.gz; sha256sum backup.tar >sum; }
    minute=$((minute + 1))
    sleep $((50 + RANDOM % 20))
done
