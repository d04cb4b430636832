#!/bin/bash
# Compiles the same small program over and over, with pauses as between two pushes.
set -u
folder=$1 RANDOM=$2
mkdir -p "$folder" && cd "$folder"
for n in $(seq 12); do
    { echo '#include <stdio.h>'
      for f in $(seq 60); do
          echo "int part_${n}_$f(int a) { int s = 0; for (int i = 0; i < a; i++) s += (i * $f) % ($n + 3); return s; }"
      done; } >"part$n.c"
done
{ printf 'all:'; printf ' part%s.o' $(seq 12); printf '\n%%.o: %%.c\n\tgcc -O2 -c -o $@ $<\n'; } >Makefile
while true; do
    rm -f ./*.o
    make -s all
    sleep $((20 + RANDOM % 60))
done
