#!/usr/bin/env python3
"""Prints the path of the Collector that the suite and the benches run, building it where there is none."""

from parts.binaries import build_collector

if __name__ == "__main__":
    print(build_collector())
