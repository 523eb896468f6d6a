"""A book's file flipped and cut at every byte: `python -m tests.actors.discovery.damage [--step N] [--addresses N]`.

After each damage the book must open, lose no more than what the byte hit (of a cut: what lay behind it), say so, and open
again without a word. Prints what the worst case cost; exit code 1 if any broke the rule.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from peerage.actors.discovery.book.opening import Opened, open_book
from tests.actors.discovery.nodes import address

HITS = 1  # addresses that one byte may cost


@dataclass(slots=True)
class Tally:
    """What a kind of damage did. lost: most addresses at once; silent: losses that no note told of."""

    tried: int = 0
    noted: int = 0
    lost: int = 0
    faults: list[str] = field(default_factory=list)


def opened(path: Path) -> Opened:
    return open_book(path, clock=time.time, rng=random.Random(1))


def write(path: Path, addresses: int) -> set[str]:
    """A book with so many addresses and a ban. Returns: the IDs in it."""
    book = opened(path)
    for number in range(1, addresses + 1):
        book.book.add(address(number), address(number))
    book.book.bad_peers.ban("10.9.0.0/16", 3600.0, "test")
    book.store.apply(book.book.drain())
    ids = {known.id for known in book.book.addresses()}
    book.store.close()
    return set(ids)


def damaged(whole: Path, work: Path, damage: Callable[[bytearray], None]) -> tuple[set[str], tuple[str, ...]]:
    """Open a damaged copy, twice. Returns: the IDs that are left, and what was said.

    Raises: AssertionError, when the second time anything is said or gone.
    """
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    path = work / whole.name
    data = bytearray(whole.read_bytes())
    damage(data)
    path.write_bytes(data)
    first = opened(path)
    left = {known.id for known in first.book.addresses()}
    first.store.close()
    again = opened(path)
    again.store.close()
    assert again.notes == ()
    assert {known.id for known in again.book.addresses()} == left
    return set(left), first.notes


def try_all(whole: Path, ids: set[str], work: Path, step: int) -> tuple[Tally, Tally]:
    """Flip bytes, and cut, at every so many positions."""
    flips, cuts = Tally(), Tally()
    size = whole.stat().st_size
    for position in range(0, size, step):

        def flip(data: bytearray, at: int = position) -> None:
            data[at] ^= 0x55

        def cut(data: bytearray, at: int = position) -> None:
            del data[at:]

        for tally, damage, most in ((flips, flip, HITS), (cuts, cut, len(ids))):
            tally.tried += 1
            try:
                left, notes = damaged(whole, work, damage)
            except Exception as error:
                tally.faults.append(f"at {position}: {error!r}")
                continue
            lost = len(ids - left)
            tally.lost = max(tally.lost, lost)
            tally.noted += bool(notes)
            if lost > most or left - ids or (lost and position and not notes):
                tally.faults.append(f"at {position}: {lost} lost, {len(left - ids)} made up, notes {notes}")
    return flips, cuts


def main() -> int:
    """Run, print, and say by the exit code whether the rule held everywhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.actors.discovery.damage", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="bytes between two positions")
    parser.add_argument("--addresses", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="damage-") as directory:
        whole = Path(directory) / "addrbook.sqlite"
        ids = write(whole, options.addresses)
        size = whole.stat().st_size
        flips, cuts = try_all(whole, ids, Path(directory) / "work", options.step)
    print(f"{size} bytes, {len(ids)} addresses")
    for name, tally in (("flipped", flips), ("cut", cuts)):
        print(
            f"{name}: {tally.tried} positions, {tally.noted} told of, at most {tally.lost} addresses lost, faults: "
            f"{len(tally.faults)}"
        )
        for fault in tally.faults[:10]:
            print(f"  {fault}")
    return int(bool(flips.faults or cuts.faults))


if __name__ == "__main__":
    sys.exit(main())
