"""How fast commits are checked, and blocks fetched, beside CometBFT.

    python -m tests.bench.signatures [--secs 3] [--rounds 3]

A commit of 150 validators is checked by `check_commit`, by CheckCommits in one and in two processes, and by CometBFT's own
functions with one processor (verify_commit). Then a node of ours gives blocks with 4 and with 150 validators, over TCP and a
secret connection, to `peerage blocks`' reactor. Rounds alternate, and medians are printed. "Of a core" is by processor time,
so that other programs count less.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from peerage import Node
from peerage.blocks.block_id import BlockID
from peerage.blocks.chain import Position
from peerage.blocks.checker import CheckCommits, CommitChecker, CommitsChecked
from peerage.blocks.commit_check import check_commit
from peerage.blocks.fetch_plan import FetchLimits
from peerage.blocks.fetcher import Begin, BlockFetcher, TakeFetched
from peerage.blocks.sign_bytes import PrecommitBytes
from peerage.messages import types
from peerage.testing import Probe, loopback_config
from tests.face.blocks.made_chain import CHAIN_ID, Signers, make_chain
from tests.face.blocks.serving import BlockServer
from tests.interop.gobuild import build_program

VALIDATORS = 150
BATCH = 10  # commits in a message
GO_SOURCE = Path(__file__).parent / "verify_commit"


def rate(seconds: float, count: int, work: Callable[[], object]) -> float:
    """Of a work that does so many things, a second of this process' processor time."""
    began, rounds = time.process_time(), 0
    while (passed := time.process_time() - began) < seconds:
        work()
        rounds += 1
    return rounds * count / passed


def in_processes(seconds: float, count: int, signers: Signers, commit: types.Commit) -> tuple[float, float]:
    """Signatures a second of so many processes together, and of a second of their processor time."""
    encoded = commit.SerializeToString()
    checkers = [CommitChecker.start() for _ in range(count)]
    try:
        with Probe(f"asker-{count}") as asker:
            job = CheckCommits(CHAIN_ID, signers.set, dict.fromkeys(range(BATCH), (1, encoded)), asker.ref)
            for checker in checkers * 3:
                checker.tell(job, exempt=True)
            for _ in checkers:  # each has begun
                asker.fish(CommitsChecked)
            began, done, taken = time.monotonic(), 0, 0.0
            while (passed := time.monotonic() - began) < seconds:
                taken += asker.fish(CommitsChecked).seconds
                checkers[done % count].tell(job, exempt=True)
                done += 1
            signatures = done * BATCH * VALIDATORS
            return signatures / passed, signatures / taken
    finally:
        for checker in checkers:
            checker.stop()


def cometbft(seconds: float, signers: Signers, commit: types.Commit) -> dict[str, float]:
    """What CometBFT's own functions do."""
    validators = types.ValidatorSet()
    for each in signers.set.validators:
        validator = validators.validators.add(address=each.address, voting_power=each.power)
        validator.pub_key.ed25519 = each.public_key
    validators.proposer.CopyFrom(validators.validators[0])
    parts = (validators.SerializeToString(), commit.SerializeToString())
    given = b"".join(b"%08x" % len(part) + part for part in parts)
    command = [str(build_program(GO_SOURCE, "verify-commit")), CHAIN_ID, "1", str(seconds)]
    done = subprocess.run(command, input=given, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def fetched(home: Path, signers: Signers, count: int) -> float:
    """Blocks a second, fetched and proved, with as many checkers as there are cores."""
    blocks = tuple(block.SerializeToString() for block in make_chain(count, signers))
    config = {"network": CHAIN_ID, "log_level": "error"}
    checkers = tuple(CommitChecker.start() for _ in range(len(os.sched_getaffinity(0))))
    server = Node(
        loopback_config(home / "server", **config), {"BLOCKSYNC": (BlockServer, blocks)}, name="server/"
    )
    client = Node(loopback_config(home / "client", **config), {"BLOCKSYNC": BlockFetcher}, name="client/")
    with server, client:
        client.dial(server.address)
        reactor = client.reactor("BLOCKSYNC")
        while not reactor.ask(TakeFetched()).said:
            time.sleep(0.01)
        position = Position(1, BlockID(), signers.set.hash)
        began, got = time.monotonic(), 0
        reactor.ask(Begin(CHAIN_ID, position, (signers.set,), count - 1, FetchLimits(), checkers))
        while got < count - 1:
            taken = len(reactor.ask(TakeFetched()).blocks)
            got += taken
            if not taken:
                time.sleep(0.01)
        passed = time.monotonic() - began
    for checker in checkers:
        checker.stop()
    return (count - 1) / passed


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.signatures", description=__doc__)
    parser.add_argument("--secs", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    signers = Signers.make(*[10] * VALIDATORS)
    commit = make_chain(2, signers)[1].last_commit
    signed = PrecommitBytes(CHAIN_ID, commit)
    keys = [Ed25519PublicKey.from_public_bytes(each.public_key) for each in signers.set.validators]

    def by_cryptography() -> None:
        for key, vote in zip(keys, commit.signatures, strict=True):
            key.verify(vote.signature, signed.of(vote.timestamp))

    rows: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        rows.setdefault(name, []).append(value)
        print(f"{name:55} {value:12.0f}", flush=True)

    with tempfile.TemporaryDirectory(prefix="signatures-") as home:
        for number in range(options.rounds):
            note(
                "check_commit (libsodium), of a core",
                rate(options.secs, VALIDATORS, lambda: check_commit(CHAIN_ID, signers.set, 1, commit)),
            )
            note(
                "cryptography, keys parsed before, of a core", rate(options.secs, VALIDATORS, by_cryptography)
            )
            for name, value in cometbft(options.secs, signers, commit).items():
                note(f"CometBFT {name}, of a core", value)
            for count in (1, 2):
                together, of_core = in_processes(options.secs, count, signers, commit)
                note(f"CommitChecker, {count} processes, together", together)
                note(f"CommitChecker, {count} processes, of a core", of_core)
            place = Path(home) / str(number)
            note(
                "blocks of 4 validators fetched a second",
                fetched(place / "4", Signers.make(1, 1, 1, 1), 3000),
            )
            note(f"blocks of {VALIDATORS} validators fetched a second", fetched(place / "150", signers, 300))
    print("\nmedians")
    for name, values in rows.items():
        print(f"{name:55} {statistics.median(values):12.0f}   {min(values):.0f} to {max(values):.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
