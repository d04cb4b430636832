"""Asks URL about RATE times a second, in phases: usual, quiet, a rush of five times as much.

With 0 as the seed there are no phases.
"""

import http.client
import random
import sys
import time
import urllib.parse


def main() -> None:
    url, rate, seed = urllib.parse.urlsplit(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    chance = random.Random(seed)
    while True:
        factor = chance.choice((1, 1, 1, 0.1, 5)) if seed else 1
        end = time.monotonic() + chance.uniform(20, 90)
        while time.monotonic() < end:
            ask(url.hostname, url.port, url.path or "/")
            time.sleep(chance.expovariate(rate * factor))


def ask(host: str, port: int, path: str) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    except OSError:
        time.sleep(1)  # the server is starting
    finally:
        connection.close()


main()
