"""Nodes that are restarted again and again are back within seconds, and nobody is banned for coming back:
`python -m tests.interop.restarts [--versions v0.38.26 …] [--restarts 10] [--minutes 10] [--idle 3] [--only ours|theirs]`.

Ours: a seed that is started from an addrbook.json alone and three nodes that know only the seed, each of the four restarted
five times, then left alone: how soon each is back, who was banned, how often a node knocks at the seed once all are
connected. Theirs, for each version: a real node whose persistent peer is ours, and one that has ours, which is no seed, in
its `seeds`; each is restarted at random moments, by SIGTERM and by SIGKILL in turns. Then how many addresses a third one,
left alone with ours in its `seeds`, has learned, and how often the first dials ours in ten seconds while ours has it banned.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.chaos.started_node import CHECKOUT, StartedNode, make_home, peerage
from tests.interop.cometnode import CometNode, free_port
from tests.nodes import wait_until

VERSIONS = ("v0.34.24", "v0.38.26", "v0.39.4", "v0.40.0", "v1.0.1")
OURS = 3
OWN_RESTARTS = 5
BACK_WITHIN_S = 3.0
GIVEN_UP_S = 60.0
BANNED_FOR_S = 10.0
TOLD = 64  # addresses that ours has to tell, half of them at once: as many of the loopback as a book of CometBFT's takes
FILLS_FOR_S = 35.0  # in which they are asked for
NEW_BUCKETS = 256
SEED_VISITS_A_MINUTE = 2.0


@dataclass
class Report:
    """What was seen, and what of it should not be."""

    faults: list[str] = field(default_factory=list)

    def tell(self, text: str, *, good: bool) -> None:
        """One line of the report."""
        print(f"{'  ' if good else '! '}{text}", flush=True)
        if not good:
            self.faults.append(text)

    def tell_back(self, who: str, seconds: Sequence[float]) -> None:
        """How soon somebody was back, each time."""
        told = f"{who}: back after {statistics.median(seconds):.1f} s, {max(seconds):.1f} s at most"
        self.tell(f"{told}, {len(seconds)} restarts", good=max(seconds) <= BACK_WITHIN_S)


class OurNode:
    """A node of ours of the command line, always on the same ports."""

    def __init__(self, parent: Path, name: str, **settings: str) -> None:
        self.name = name
        self.home = parent / name
        make_home(self.home)
        self.port, self._metrics_port = free_port(), free_port()
        self._settings: dict[str, str | None] = {
            "moniker": name,
            "reactor": None,
            "peer_hosts": "1",
            "log_level": "switch:debug,*:info",  # every refusal and failed dial
            "p2p__laddr": f"tcp://127.0.0.1:{self.port}",
            "instrumentation__prometheus": "true",
            "instrumentation__prometheus_listen_addr": f"127.0.0.1:{self._metrics_port}",
            **settings,
        }
        self.node = StartedNode(self.home, CHECKOUT, **self._settings)
        self._lives = False
        self.bans = 0.0

    @property
    def id(self) -> str:
        return self.node.node_id

    @property
    def address(self) -> str:
        return self.node.address

    def start(self) -> None:
        log = self.home / "log"
        if log.exists():  # its addresses are read from the new one
            log.rename(self.home / f"log-{time.time()}")
        self.node = StartedNode(self.home, CHECKOUT, **self._settings)
        self.node.__enter__()
        self._lives = True

    def stop(self) -> None:
        if self._lives:
            self.bans += self.bans_now()
            self.node.__exit__(None, None, None)
            self._lives = False

    def bans_now(self) -> float:
        """`p2p_bans_total` since its last start."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics_port}/metrics", timeout=5.0) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("cometbft_p2p_bans_total{"))

    def events(self) -> Iterator[dict[str, object]]:
        """What it has logged, over all starts."""
        for path in sorted(self.home.glob("log*")):
            for line in path.read_text().splitlines():
                if line.startswith("{"):
                    yield json.loads(line)


@contextmanager
def running(*nodes: OurNode) -> Iterator[None]:
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.stop)
            node.start()
        yield


def seconds_until(condition: Callable[[], object]) -> float:
    """How long it takes; GIVEN_UP_S when it does not come."""
    began = time.monotonic()
    try:
        wait_until(condition, GIVEN_UP_S)
    except AssertionError:
        return GIVEN_UP_S
    return time.monotonic() - began


def write_book(home: Path, addresses: Sequence[tuple[str, str, int]]) -> None:
    """An addrbook.json of CometBFT's with these addresses: ID, IP, port."""
    never = "0001-01-01T00:00:00Z"
    entries = [
        {
            "addr": dict(zip(("id", "ip", "port"), address, strict=True)),
            "src": dict(zip(("id", "ip", "port"), address, strict=True)),
            "buckets": [number % NEW_BUCKETS], "attempts": 0, "bucket_type": 1,
            "last_attempt": never, "last_success": never, "last_ban_time": never,
        }
        for number, address in enumerate(addresses)
    ]  # fmt: skip
    (home / "config" / "addrbook.json").write_text(json.dumps({"key": "0" * 24, "addrs": entries}))


def addresses_saved(comet: CometNode) -> int:
    """How many addresses a real node said that it saved when it was stopped; it may end before they are in its file."""
    sizes = re.findall(r"Saving AddrBook to file.*? size=(\d+)", comet.log_tail(1 << 20))
    return int(sizes[-1]) if sizes else 0


def knocks(node: OurNode, seed_id: str, since: float) -> int:
    """How often a node has dialled the seed since then (Unix seconds), however that ended."""
    count = 0
    for event in node.events():
        came = event.get("event") == "peer added" and event.get("peer") == seed_id
        came = came and event.get("direction") == "outbound"
        failed = event.get("event") in {"peer refused", "dial failed"} and event.get("dialled") == seed_id
        count += (came or failed) and _time_of(event) >= since
    return count


def _time_of(event: dict[str, object]) -> float:
    return datetime.fromisoformat(str(event["timestamp"])).timestamp()


def ours(report: Report, parent: Path, idle_minutes: float) -> None:
    """A seed and three nodes of ours, all restarted."""
    seed = OurNode(parent, "seed", p2p__seed_mode="true")
    with running(seed):
        address = seed.address
    nodes = [OurNode(parent, f"node{number}", p2p__seeds=address) for number in range(OURS)]
    for node in nodes:
        with running(node):
            pass
    for store in (seed.home / "data").glob("addrbook*"):
        store.unlink()
    write_book(seed.home, [(node.id, "127.0.0.1", node.port) for node in nodes])

    def meshed() -> bool:
        ids = {node.id for node in nodes}
        return all(ids - {node.id} <= set(node.node.peers()) for node in nodes)

    with running(seed, *nodes):
        first = seconds_until(meshed)
        report.tell(f"a seed from addrbook.json and {OURS} nodes: meshed after {first:.1f} s", good=True)
        back: dict[str, list[float]] = {}
        for _ in range(OWN_RESTARTS):
            for node in (seed, *nodes):
                node.stop()
                node.start()
                back.setdefault(
                    "nodes of ours" if node is not seed else "mesh, its seed restarted", []
                ).append(seconds_until(meshed))
        for who, seconds in back.items():
            report.tell_back(who, seconds)
        since = time.time()
        time.sleep(idle_minutes * 60.0)
        report.tell(f"meshed still after {idle_minutes:g} minutes", good=meshed())
        visits = [knocks(node, seed.id, since) / idle_minutes for node in nodes]
        report.tell(
            f"visits to the seed a minute, once meshed: {', '.join(f'{each:.1f}' for each in visits)}",
            good=max(visits) <= SEED_VISITS_A_MINUTE,
        )
    bans = {node.name: node.bans for node in (seed, *nodes)}
    report.tell(f"p2p_bans_total: {bans}", good=not any(bans.values()))


def theirs(report: Report, parent: Path, version: str, restarts: int, minutes: float) -> None:
    """Real nodes of one version, restarted at random moments."""
    rng = random.Random()
    nodes = {
        how: OurNode(parent, f"{version}-{how}", p2p__max_num_outbound_peers="0")
        for how in ("persistent", "seeds", "told")
    }
    # Only the one that is left alone is told of others: at its next start a node of CometBFT dials those first, and its
    # seeds when there is nobody to dial.
    write_book(nodes["told"].home, [(f"{number:040x}", "127.9.9.9", 1000 + number) for number in range(TOLD)])
    with running(*nodes.values()), ExitStack() as stack:
        real = {}
        for how, node in nodes.items():
            p2p = {"persistent_peers": node.address} if how == "persistent" else {"seeds": node.address}
            real[how] = CometNode(parent / f"comet-{version}-{how}", version=version, p2p=p2p)
            stack.callback(real[how].stop)
            real[how].start()
        for how, comet in real.items():
            wait_until(lambda: comet.id in nodes[how].node.peers(), 30.0, f"{version} as {how}")  # noqa: B023
        moments = sorted(
            (rng.random() * minutes * 60.0, how, number % 2)
            for how in ("persistent", "seeds")
            for number in range(restarts)
        )
        began = time.monotonic()
        back: dict[str, list[float]] = {"persistent": [], "seeds": []}
        for moment, how, kill in moments:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            comet, node = real[how], nodes[how]
            comet.kill() if kill else comet.stop()
            wait_until(lambda: comet.id not in node.node.peers(), 30.0)  # noqa: B023
            comet.start()
            back[how].append(seconds_until(lambda: comet.id in node.node.peers()))  # noqa: B023
        for how, seconds in back.items():
            report.tell_back(
                f"{version}, ours in its {'persistent_peers' if how == 'persistent' else how}", seconds
            )
        for how, node in nodes.items():
            why = Counter(
                f"{event['event']}: {event.get('reason')}"
                for event in node.events()
                if event.get("event") in {"peer refused", "peer stopped", "peer banned"}
            )
            report.tell(f"{version}, {how}, bans {node.bans_now():g}; {dict(why)}", good=not node.bans_now())
        time.sleep(FILLS_FOR_S)
        real["told"].stop()
        learned = addresses_saved(real["told"])
        report.tell(
            f"{version}, told: {learned} addresses in its book; ours had {TOLD} to tell",
            good=learned >= TOLD / 2,
        )
        dials = dials_while_banned(nodes["persistent"], real["persistent"])
        report.tell(
            f"{version}: {dials} dials in {BANNED_FOR_S:g} s of a ban", good=dials <= BANNED_FOR_S / 2
        )


def dials_while_banned(node: OurNode, comet: CometNode) -> int:
    """How often a real node dials ours, which has banned it."""
    node.stop()
    command = ["bans", "add", comet.id, "--home", str(node.home), "--for", "1h", "--reason", "measured"]
    assert peerage(*command, stdout=subprocess.DEVNULL).wait() == 0
    node.start()
    wait_until(lambda: any(event.get("reason") == "banned" for event in node.events()), 60.0)
    began = time.time()
    time.sleep(BANNED_FOR_S)
    return sum(event.get("reason") == "banned" and _time_of(event) >= began for event in node.events())


def main() -> int:
    """Run. Returns: the exit code, 1 when anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.restarts", description=__doc__)
    parser.add_argument("--versions", nargs="+", default=VERSIONS)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=10.0, help="in which they happen, for each version")
    parser.add_argument("--idle", type=float, default=3.0, help="minutes in which seed visits are counted")
    parser.add_argument("--only", choices=["ours", "theirs"])
    parser.add_argument(
        "--homes", type=Path, help="an empty folder for the homes and logs, which are left there"
    )
    options = parser.parse_args()
    report = Report()
    with ExitStack() as stack:
        parent = options.homes
        if parent is None:
            parent = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="restarts-")))
        parent.mkdir(exist_ok=True)
        if options.only != "theirs":
            ours(report, parent, options.idle)
        if options.only != "ours":
            for version in options.versions:
                theirs(report, parent, version, options.restarts, options.minutes)
    print(f"{len(report.faults)} faults" if report.faults else "all as it should be")
    return 1 if report.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
