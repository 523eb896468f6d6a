"""Honest pings beside flooders: `python -m tests.hostile.downpour [--against v0.38.26] [--secs 15] [--kind NAME]`.

A node has ten honest peers, which measure the round trip of their pings. Then 36 flooders are let in, each with a fresh key,
and send one kind of what takes long to read for what it is, as fast as they can; who is thrown out comes again, with another
key, a second later. Each kind presses alone, then all kinds together. The same is done to CometBFT's switch in the same run.

The table says for each: the pings' median and 99th percentile before and meanwhile, how many honest peers were lost, the
processor time that the node took a second, before and meanwhile, what the flooders sent, and how often they were let in.
What the flood costs is what it takes more than before: the honest pings are answered in both.

Exit code 0: an honest ping takes at most 100 ms (99th percentile), no honest peer is lost, and the flood costs
no more processor time than at CometBFT's switch; 1: something of this does not hold, and it is named; 2: bad flags.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from peerage.actors.peers.handshake import HandshakeRefusedError
from peerage.wire.loops import SPECK_SIZE
from peerage.wire.packet import MessageReceived, PacketMsg, encode_packet
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL, PexAddrs
from tests.bench.blocking_peer import READ_SIZE, BlockingPeer
from tests.chaos.flooders import CHUNK, LITTLE_DATA, MESSAGES
from tests.hostile.limits import HIGH, LOW
from tests.hostile.press import Load, attackers, p99
from tests.hostile.residents import Residents
from tests.hostile.targets import CometSwitch, OurNode, Target

__all__ = ["KINDS", "Outcome", "main"]

RESIDENTS, FLOODERS = 10, 36
CALM_S, RAMP_S = 5.0, 2.0
PATIENCE_S = 30.0  # for a write: the node may not read for as long as it answers others
LOOK_S = 0.05
PAUSE_S = 1.0  # before one that was thrown out comes again
PING_LIMIT_S = 0.1
OUTBOUND = 10  # so that the node asks its peers for addresses
ADDRESSES = 250  # the most that one answer may hold

FLOODS: Mapping[str, bytes] = {
    "pings": LITTLE_DATA["pings"],
    "pongs": LITTLE_DATA["pongs"],
    "empty packets": LITTLE_DATA["empty packets"],
    "packets of a byte": LITTLE_DATA["a byte"],
    "a byte and two in turn": LITTLE_DATA["a byte and two"],
    "messages of a byte": MESSAGES["messages of a byte"],
    # With a shorter second part it would be out of the budget of small parts.
    "messages that do not end": encode_packet(PacketMsg(HIGH, False, bytes(1000)))
    + encode_packet(PacketMsg(LOW, False, bytes(SPECK_SIZE))),
    "answers that are not read": encode_packet(PacketMsg(HIGH, True, bytes(1000))),
}
ANSWERS = "longest lists of addresses"
EVERY = "all kinds"
KINDS = (*FLOODS, ANSWERS, EVERY)


class Flooder(BlockingPeer):
    """One that is let in, and floods in the calling thread until it is thrown out or told to stop."""

    def flood(self, packets: bytes, stop: threading.Event, sent: Callable[[int], None]) -> None:
        """Raises: OSError when the connection is over."""
        self._sock.settimeout(PATIENCE_S)
        seal = self._handshake.secret.seal
        chunk = packets * max(1, CHUNK // len(packets))
        while not stop.is_set():
            self._sock.sendall(seal(chunk))
            sent(len(chunk))

    def answer(self, stop: threading.Event, sent: Callable[[int], None]) -> None:
        """Answer each request for addresses with as many as a message holds. Raises: as flood."""
        mine = int(self.id[:4], 16)
        addresses = [(f"{mine:036x}{number:04x}", f"127.66.{number}.1", 1) for number in range(ADDRESSES)]
        answer = PexAddrs(addresses).encode()
        assert len(answer) < MAX_PEX_BYTES
        self._sock.settimeout(1.0)
        while not stop.is_set():
            try:
                data = self._handshake.secret.receive_data(self._sock.recv(READ_SIZE) or _over())
            except TimeoutError:
                continue
            for event in self._connection.receive_data(data, time.monotonic()):
                if isinstance(event, MessageReceived) and event.channel_id == PEX_CHANNEL:
                    self._connection.try_send(PEX_CHANNEL, answer)
                    sent(len(answer))
            self._write()


def _over() -> bytes:
    raise ConnectionResetError("the remote closed the connection")


def flood(address: str, kind: str, count: int) -> None:
    """Flood that node until the input is closed, then print what was sent as JSON: the flooders' process."""
    stop, let_in, sent = threading.Event(), Counter[str](), Counter[str]()

    def one(number: int) -> None:
        mine = (*FLOODS, ANSWERS)[number % (len(FLOODS) + 1)] if kind == EVERY else kind
        while not stop.is_set():
            try:
                flooder = Flooder(address, PATIENCE_S, f"127.{100 + number}.0.1")
                with flooder:
                    let_in[mine] += 1
                    if mine == ANSWERS:
                        flooder.answer(stop, lambda size: sent.update({mine: size}))
                    else:
                        flooder.flood(FLOODS[mine], stop, lambda size: sent.update({mine: size}))
            except (OSError, HandshakeRefusedError):
                pass  # thrown out, or not let in
            stop.wait(PAUSE_S)

    for number in range(count):
        # As a daemon: a write that waits ends with the process.
        threading.Thread(target=one, args=(number,), daemon=True).start()
    wanted = min(count, len(FLOODS) + 1) if kind == EVERY else 1
    while len(let_in) < wanted:
        time.sleep(LOOK_S)
    print(flush=True)  # somebody of each kind has been let in
    sys.stdin.read()
    stop.set()
    print(json.dumps({"let_in": let_in.total(), "sent": sent.total()}), flush=True)


def downpour(address: str, kind: str, count: int) -> AbstractContextManager[dict[str, Any]]:
    """The flooders, see `attackers`: they begin when one of each kind was let in."""
    return attackers(__spec__.name, "--flood", address, "--kind", kind, "--flooders", str(count))


@dataclass(slots=True)
class Outcome:
    """One kind against one node. Times in seconds; calm_cpu and cpu, processor time a second before and meanwhile;
    sent, bytes of packets a second."""

    kind: str
    name: str
    calm: list[float] = field(default_factory=list)
    meanwhile: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    calm_cpu: float = 0.0
    cpu: float = 0.0
    sent: float = 0.0
    let_in: int = 0
    faults: list[str] = field(default_factory=list)

    def misses(self, theirs: Outcome | None) -> Iterator[str]:
        """The bounds that do not hold. Args: theirs, the same done to CometBFT."""
        if self.lost:
            yield f"{self.kind}: {len(self.lost)} of {RESIDENTS} honest peers were lost: {self.lost}"
        if p99(self.meanwhile) > PING_LIMIT_S:
            late = f"{p99(self.meanwhile) * 1e3:.0f} ms, at most {PING_LIMIT_S * 1e3:.0f}"
            yield f"{self.kind}: the 99th percentile of the pings is {late}"
        if self.faults:
            yield f"{self.kind}: {len(self.faults)} faults, the first: {self.faults[0]}"
        if theirs is not None and self.cost > theirs.cost:
            yield f"{self.kind}: {self.cost:.3f} s of processor time a second, {theirs.name} takes {theirs.cost:.3f}"

    @property
    def cost(self) -> float:
        """Of the flood, in processor time a second."""
        return self.cpu - self.calm_cpu

    def row(self) -> str:
        """The same for the table."""
        before, during = (
            [p99(each) * 1e3, (median(each) if each else 0.0) * 1e3] for each in (self.calm, self.meanwhile)
        )
        return (
            f"| {self.kind} | {self.name} | {before[1]:.1f} / {before[0]:.1f} ms | {during[1]:.1f} / {during[0]:.1f} ms | "
            f"{len(self.lost)} | {self.calm_cpu:.3f} | {self.cpu:.3f} | {self.sent / 1e6:.2f} MB/s | {self.let_in} |"
        )


COLUMNS = (
    "flooders",
    "node",
    "pings before, median / p99",
    "meanwhile",
    "honest peers lost",
    "processor s/s before",
    "meanwhile",
    "packets sent",
    "let in",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def _cpu(target: Target, secs: float) -> float:
    """The processor time that the node takes a second, over so many seconds."""
    began, before = time.monotonic(), Load.of(tuple(target.processes())).cpu
    time.sleep(secs)
    spent = Load.of(tuple(target.processes())).cpu - before
    return spent / (time.monotonic() - began)


def measure(target: Target, kind: str, count: int, secs: float) -> Outcome:
    """One run, against a node that has nobody yet."""
    outcome = Outcome(kind, target.name)
    with Residents(target.address, [f"127.250.{number}.1" for number in range(RESIDENTS)], HIGH) as residents:
        time.sleep(RAMP_S)  # what a start leaves to be done is no part of it
        residents.round_trips.clear()
        outcome.calm_cpu = _cpu(target, CALM_S)
        outcome.calm = list(residents.round_trips)
        with downpour(target.address, kind, count) as said:
            time.sleep(RAMP_S)
            residents.round_trips.clear()
            outcome.cpu = _cpu(target, secs)
            outcome.meanwhile = list(residents.round_trips)
        outcome.lost = list(residents.lost)
    outcome.sent, outcome.let_in = said["sent"] / (secs + RAMP_S), said["let_in"]
    outcome.faults = target.faults()
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and what does not hold. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.downpour", description=__doc__)
    parser.add_argument("--flooders", type=int, default=FLOODERS, help=f"how many (default: {FLOODERS})")
    parser.add_argument("--secs", type=float, default=15.0, help="seconds of each run (default: 15)")
    parser.add_argument("--against", metavar="VERSION", help="CometBFT's switch, beside ours")
    parser.add_argument("--kind", choices=KINDS, action="append", help="default: each")
    parser.add_argument("--flood", metavar="ADDRESS", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.flood:
        flood(chosen.flood, chosen.kind[0], chosen.flooders)
        return 0
    misses: list[str] = []
    print(HEAD, flush=True)
    for kind in chosen.kind or KINDS:
        theirs = None
        if chosen.against:
            with CometSwitch(chosen.against, outbound=OUTBOUND) as target:
                theirs = measure(target, kind, chosen.flooders, chosen.secs)
            print(theirs.row(), flush=True)
        with OurNode(outbound=OUTBOUND) as target:
            ours = measure(target, kind, chosen.flooders, chosen.secs)
        print(ours.row(), flush=True)
        misses += ours.misses(theirs)
    for miss in misses:
        print(miss, file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
