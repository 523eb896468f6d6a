"""How long a killed part of a node is missing: `python -m tests.bench.recovery [--kills 20] [--only PART] [--json FILE]`.

One node on loopback with one peer host, its parts killed one after the other, each time when the node has been whole for a
while (a second restart soon after the first would wait, as configured). Measured from the kill:

    peer host      until a new inbound connection has completed its handshake
    switch         until it has answered, and a peer that dialled after the kill is in its answer
    reactor        until a connected peer has the answer to a message that the new reactor has received
    address book   the longest that a call took which was under way, or made, while the book was away
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from peerage import Node
from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.peers.handshake import HandshakeRefusedError
from peerage.actors.runtime import ActorDeadError, ActorRef
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress, no_names
from tests.bench.blocking_peer import BlockingPeer
from tests.bench.pulse import CHANNEL, Pulse
from tests.nodes import node_config

TIMEOUT_S = 10.0  # for one recovery
PULSE_S = 0.002  # between two messages or looks
CALL_S = 0.01  # between two calls of one caller
PERIOD_S = 0.2  # over which the node counts restarts
REST_S = 0.5  # between two kills, so that each restart is the first
CALLERS = 4  # of the address book


@dataclass(frozen=True, slots=True)
class Part:
    """What is killed, and how its return is seen: `wait(node, kill)` prepares, kills, waits, and returns the seconds."""

    name: str
    actor: str
    asked_ms: float  # of the median; of the worst for the address book, whose callers it is about
    wait: Callable[[Node, Callable[[], float]], float]


def dial(node: Node, deadline: float) -> BlockingPeer:
    """A new peer of the node's; connections that a dying host had taken fail, and are tried again."""
    while True:
        with suppress(OSError, HandshakeRefusedError):
            return BlockingPeer(node.address, deadline - time.monotonic())
        if time.monotonic() > deadline:
            raise TimeoutError("no handshake")


def until_accepting(node: Node, kill: Callable[[], float]) -> float:
    began = kill()
    with dial(node, began + TIMEOUT_S):
        return time.monotonic() - began


def until_answering(node: Node, kill: Callable[[], float]) -> float:
    began = kill()
    with dial(node, began + TIMEOUT_S) as peer:
        while peer.key.node_id not in {each.id for each in node.peers()}:
            if time.monotonic() > began + TIMEOUT_S:
                raise TimeoutError("the switch does not know its new peer")
            time.sleep(PULSE_S)
        return time.monotonic() - began


def until_receiving(node: Node, kill: Callable[[], float]) -> float:
    with dial(node, time.monotonic() + TIMEOUT_S) as peer:
        first = _answer(peer, b"", time.monotonic() + TIMEOUT_S)
        began = kill()
        _answer(peer, first, began + TIMEOUT_S)
        return time.monotonic() - began


def _answer(peer: BlockingPeer, but: bytes, deadline: float) -> bytes:
    """Send, until a reactor other than that one has answered. Returns: which."""
    while time.monotonic() < deadline:
        peer.send(CHANNEL, b"pulse")
        for answer in peer.receive(PULSE_S):
            if answer != but:
                return answer
    raise TimeoutError("no reactor answers")


def longest_call(node: Node, kill: Callable[[], float]) -> float:
    """Callers in threads of their own, before, while and after the book is away."""
    took: list[tuple[float, float]] = []  # when it ended, how long it took
    failures: list[BaseException] = []
    enough = threading.Event()
    source = NetAddress.parse(node.address, no_names)

    def call_all_the_time() -> None:
        book = BookClient(ActorRef.to(node.names.of("addrbook")))
        address = NetAddress.parse(f"{NodeKey.generate().node_id}@127.0.0.1:26656", no_names)
        while not enough.is_set():
            began = time.monotonic()
            try:
                book.call(AddrBook.add, address, source)
            except Exception as error:
                failures.append(error)
            took.append((time.monotonic(), time.monotonic() - began))
            time.sleep(CALL_S)

    callers = [threading.Thread(target=call_all_the_time) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        time.sleep(4 * CALL_S)
        began = kill()
        deadline = began + TIMEOUT_S
        while sum(ended - seconds > began for ended, seconds in list(took)) < 2 * CALLERS:
            if time.monotonic() > deadline:
                raise TimeoutError("the address book does not come back")
            time.sleep(PULSE_S)
        time.sleep(4 * CALL_S)  # the calls that were under way have ended, too
    finally:
        enough.set()
        for caller in callers:
            caller.join()
    if failures:
        raise failures[0]
    return max(seconds for ended, seconds in took if ended > began)


PARTS = (
    Part("peer host", "peers-0", 250, until_accepting),
    Part("switch", "switch", 250, until_answering),
    Part("reactor", "reactor-PULSE", 250, until_receiving),
    Part("address book", "addrbook", 500, longest_call),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What came out for one part, in milliseconds."""

    part: str
    kills: int
    median: float
    p90: float
    worst: float
    asked: float

    @property
    def is_met(self) -> bool:
        return (self.worst if self.part == "address book" else self.median) <= self.asked


def kill_part(node: Node, name: str) -> float:
    """Returns: when (monotonic seconds)."""
    pid = ActorRef.to(node.names.of(name)).pid()
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    return began


def measure(node: Node, part: Part, kills: int) -> Row:
    """Kill a part so many times."""
    times = []
    for _ in range(kills):
        wait_until_whole(node)
        time.sleep(REST_S)
        times.append(part.wait(node, partial(kill_part, node, part.actor)) * 1e3)
    times.sort()
    return Row(
        part.name, kills, statistics.median(times), times[-(-9 * kills // 10) - 1], times[-1], part.asked_ms
    )


def wait_until_whole(node: Node) -> None:
    """Wait until everybody lives and nobody is connected."""
    deadline = time.monotonic() + TIMEOUT_S
    refs = [ActorRef.to(node.names.of(part.actor)) for part in PARTS]
    while not all(ref.is_alive() for ref in refs) or _peers(node):
        if time.monotonic() > deadline:
            raise TimeoutError("the node is not whole")
        time.sleep(PULSE_S)


def _peers(node: Node) -> bool:
    try:
        return bool(node.peers())
    except ActorDeadError:
        return True


def show(rows: list[Row]) -> Table:
    """The rows for a terminal."""
    table = Table(title="milliseconds from SIGKILL to serving again")
    for column in ("part", "kills", "median", "p90", "worst", "asked"):
        table.add_column(column)
    for row in rows:
        figures = [f"{value:.0f}" for value in (row.median, row.p90, row.worst)]
        whose = "worst" if row.part == "address book" else "median"
        table.add_row(row.part, str(row.kills), *figures, f"{whose} ≤ {row.asked:.0f}")
    return table


def main() -> int:
    """Kill, measure, print. Exit code 1 when a part takes longer than asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.recovery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=20, help="of each part")
    names = [part.name for part in PARTS]
    parser.add_argument("--only", action="append", choices=names, help="only this part; repeatable")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    if options.kills < 1:
        parser.error("--kills must be 1 or more")
    settings = {"peer_hosts": 1, "restart_intensity": 1000, "restart_period": PERIOD_S}
    with tempfile.TemporaryDirectory() as home:
        config = node_config(Path(home), peerage=settings, log_level="none")
        with Node(config, {"PULSE": Pulse}) as node:
            rows = [
                measure(node, part, options.kills)
                for part in PARTS
                if not options.only or part.name in options.only
            ]
    Console().print(show(rows))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    return 0 if all(row.is_met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
