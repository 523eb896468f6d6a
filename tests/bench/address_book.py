"""The address book with 100,000 addresses: `python -m tests.bench.address_book [--addresses N] [--json FILE]`.

Adding goes through the actor in a process of its own, in answers of 250, each acknowledged when it is on disk. Loading,
picking and memory are of the book and its store, in a process that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.opening import open_book
from peerage.actors.runtime import PROCESS, System
from peerage.wire.net_address import NetAddress
from tests.actors.book_stage import Stage

ANSWER = 250  # addresses, as many as a peer tells at once
PICKS = 20_000
ROOMY = BookShape(new_bucket_size=4096)  # CometBFT's shape holds 16,384 new ones


def addresses(count: int, rng: random.Random) -> list[NetAddress]:
    """Routable ones, of many groups."""
    return [
        NetAddress(
            f"{number:040x}", f"{rng.randrange(11, 100)}.{rng.randrange(256)}.{rng.randrange(256)}.7", 26656
        )
        for number in range(count)
    ]


def add(count: int) -> float:
    """Acknowledged additions a second, through the actor."""
    rng = random.Random(1)
    all_of_them = addresses(count, rng)
    sources = addresses(200, rng)
    with tempfile.TemporaryDirectory(prefix="book-") as home, Stage(Path(home), PROCESS) as stage:
        began = time.perf_counter()
        for first in range(0, count, ANSWER):
            stage.book.call(AddrBook.add_all, tuple(all_of_them[first : first + ANSWER]), rng.choice(sources))
        took = time.perf_counter() - began
    System.current().shutdown()
    return count / took


def load(path: Path) -> dict[str, float]:
    """In a process of its own: how long opening takes, a pick, and what it costs in memory."""
    process = psutil.Process()
    before = process.memory_full_info().uss
    began, cpu = time.perf_counter(), time.process_time()
    opened = open_book(path, clock=time.time, rng=random.Random(1), shape=ROOMY)
    loaded, cpu = time.perf_counter() - began, time.process_time() - cpu
    began = time.perf_counter()
    for _ in range(PICKS):
        opened.book.dials.pick(50)
    picked = (time.perf_counter() - began) / PICKS
    grown = process.memory_full_info().uss - before
    found = {
        "addresses": len(opened.book),
        "load_secs": loaded,
        "load_cpu_secs": cpu,
        "pick_us": picked * 1e6,
        "memory_mib": grown / 2**20,
    }
    opened.store.close()
    return found


def written(path: Path, count: int) -> None:
    """A store with so many addresses, a fifth of them old."""
    opened = open_book(path, clock=time.time, rng=random.Random(1), shape=ROOMY)
    rng = random.Random(2)
    book: AddrBook = opened.book
    sources = addresses(2000, rng)
    for number, address in enumerate(addresses(count, rng)):
        book.add(address, rng.choice(sources))
        if number % 25 == 0:
            book.mark_good(address.id)
    opened.store.apply(book.drain())
    opened.store.close()


def main() -> None:
    """Run, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.address_book", description=__doc__)
    parser.add_argument("--addresses", type=int, default=100_000)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        print(json.dumps(load(options.load)))
        return
    with tempfile.TemporaryDirectory(prefix="book-") as directory:
        path = Path(directory) / "addrbook.sqlite"
        written(path, options.addresses)
        command = [sys.executable, "-m", "tests.bench.address_book", "--load", str(path)]
        found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    found["added_per_sec"] = add(options.addresses)
    print(
        f"{found['addresses']:,} addresses: load {found['load_secs']:.2f} s ({found['load_cpu_secs']:.2f} s CPU)"
    )
    print(f"pick {found['pick_us']:.1f} µs, memory {found['memory_mib']:.0f} MiB")
    print(f"added and acknowledged {found['added_per_sec']:,.0f}/s")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
