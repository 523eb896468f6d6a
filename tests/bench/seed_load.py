"""A seed under load, ours and CometBFT's: `python -m tests.bench.seed_load [--secs 60] [--slice 10] [--parallel 8]`.

A client of Go plays inbound rounds, each with a fresh key: dial, both handshakes, ask for addresses, read the answer, wait
to be hung up on. Both seeds run all the time with the same book; the client turns to one, then to the other, so that a
machine whose speed drifts does so for both. Memory is of all processes of our node, after each slice.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from peerage import Config, Node
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from tests.interop.gopeer import GoPeer

ADDRESSES = 1000  # in either book, so that answers are of full length; nobody listens there
NETWORK = "test"
WARM_UP_S = 3.0


@dataclass(slots=True)
class Tally:
    """What one seed did. memory: MiB after each slice, empty for CometBFT's."""

    rounds: int = 0
    secs: float = 0.0
    bytes: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    per_sec: list[float] = field(default_factory=list)
    median_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def add(self, slice_: Any) -> None:
        """Take in a slice."""
        self.rounds += slice_["rounds"]
        self.secs += slice_["secs"]
        self.bytes += slice_["bytes"]
        self.failures.update(slice_["failures"])
        self.per_sec.append(round(slice_["per_sec"], 1))
        if slice_["rounds"]:
            self.median_ms.append(round(slice_["median_secs"] * 1e3, 1))
            self.p99_ms.append(round(slice_["p99_secs"] * 1e3, 1))

    @property
    def rate(self) -> float:
        """Rounds a second over all slices."""
        return self.rounds / self.secs


def write_addresses(path: Path) -> None:
    """A book of addresses on this machine, in CometBFT's format."""
    rng = random.Random(7)
    book = AddrBook(clock=time.time, rng=rng, strict=False)
    while len(book) < ADDRESSES:
        host = f"127.{rng.randrange(1, 255)}.{rng.randrange(255)}.{rng.randrange(1, 255)}"
        address = NetAddress(NodeID(f"{rng.getrandbits(160):040x}"), host, 1)
        book.add(address, address)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_book(path, book)


@contextmanager
def our_seed(home: Path, log_level: str) -> Iterator[Node]:
    """A seed of ours with that book."""
    config = Config(
        home=home,
        network=NETWORK,
        moniker="seed",
        log_level=log_level,
        p2p={
            "laddr": "tcp://127.0.0.1:0",
            "seed_mode": True,
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
            "max_num_inbound_peers": 10_000,
            "send_rate": 0,
            "recv_rate": 0,
        },
        rpc={"laddr": ""},
    )
    write_addresses(config.addr_book_path)
    with Node(config) as node:
        yield node


@contextmanager
def their_seed(home: Path) -> Iterator[GoPeer]:
    """A seed of CometBFT's switch, transport, PEX reactor and address book."""
    file = home / "addrbook.json"
    write_addresses(file)
    with GoPeer(
        pex=True, seed_mode=True, addr_book_file=str(file), max_num_inbound_peers=10_000, channels=[]
    ) as seed:
        yield seed


def memory_of(processes: list[psutil.Process]) -> float:
    """MiB of memory that these processes have for themselves alone."""
    return sum(process.memory_full_info().uss for process in processes) / 2**20


def measure(secs: float, slice_secs: float, parallel: int, log_level: str) -> tuple[Tally, Tally]:
    """Play rounds with ours, then with CometBFT's, again and again, so many seconds with each."""
    ours, theirs = Tally(), Tally()
    with tempfile.TemporaryDirectory(prefix="seed-load-") as directory:
        home = Path(directory)
        before = set(psutil.Process().children(recursive=True))
        with (
            our_seed(home / "ours", log_level) as our,
            GoPeer(mode="raw", channels=[{"id": 0, "priority": 1}]) as client,
        ):
            processes = [
                process
                for process in psutil.Process().children(recursive=True)
                if process not in before and process.pid != client.pid
            ]
            with their_seed(home / "theirs") as their:
                places = [our.address.partition("@")[2], their.listen]
                for place in places:
                    client.seed_rounds(place, secs=WARM_UP_S, parallel=parallel)
                while ours.secs < secs:
                    ours.add(client.seed_rounds(places[0], secs=slice_secs, parallel=parallel))
                    ours.memory.append(round(memory_of(processes), 1))
                    theirs.add(client.seed_rounds(places[1], secs=slice_secs, parallel=parallel))
    return ours, theirs


def main() -> None:
    """Run, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.seed_load", description=__doc__)
    parser.add_argument("--secs", type=float, default=60.0, help="how long each seed is under load")
    parser.add_argument("--slice", type=float, default=10.0, help="how long it is before the other's turn")
    parser.add_argument("--parallel", type=int, default=8, help="rounds side by side")
    parser.add_argument("--log-level", default="error", help="of our seed; CometBFT's logs nothing")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    ours, theirs = measure(options.secs, options.slice, options.parallel, options.log_level)
    for name, tally in (("peerage", ours), ("CometBFT", theirs)):
        print(
            f"{name:9} {tally.rate:7.1f} rounds/s over {tally.secs:.0f} s (slices {tally.per_sec}), "
            f"answers of {tally.bytes // max(tally.rounds, 1)} bytes, median {tally.median_ms} ms, p99 {tally.p99_ms} ms, "
            f"failures {dict(tally.failures)}"
        )
    print(f"peerage's memory after each slice: {ours.memory} MiB")
    print(f"ratio: {ours.rate / theirs.rate:.2f}")
    if options.json:
        figures = {"peerage": asdict(ours), "cometbft": asdict(theirs), "ratio": ours.rate / theirs.rate}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
