#!/usr/bin/env python3
"""Prints the paths of the programs named, of all where none is, building those that are not there yet."""

import sys

from parts.binaries import PROGRAMS

if __name__ == "__main__":
    for name in sys.argv[1:] or PROGRAMS:
        print(PROGRAMS[name].build())
