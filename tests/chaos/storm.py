"""The chaos itself: a node with six peers built from CometBFT, harmed as planned, and what must hold behind it.

six peers ══ numbered messages ══ node <── kill, pause, freeze, doze, hang, raise, poison
    │                              │
    ╰─ tallies ─> accounts <─ records, log, footprint ─> violations
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.chaos.chaos_node import PROBE_TIMEOUT_S, ChaosNode, Log
from tests.chaos.deeds import Deeds
from tests.chaos.footprint import Footprint, growth, measure
from tests.chaos.links import Link
from tests.chaos.passing import Passing, break_link, tamper
from tests.chaos.plan import FORK_SERVER, HOSTS, IS_FATAL, IS_PASSING, NODE, PARTS, Action, Harm, draw
from tests.chaos.reactors import POISON, PUSH, SPILL, STORE
from tests.chaos.report import Report
from tests.chaos.six_peers import SixPeers
from tests.chaos.traffic import Traffic
from tests.interop.gopeer import DEFAULT_VERSION, GoPeer, GoPeerEndedError, GoPeerError, GoPeerTimeoutError

__all__ = ["Company", "Storm"]

LOOK_S = 0.02
LOOK_AT_PEERS_S = 0.1
PATIENCE_S = 120.0  # for what must come: generous, for the machine may be busy
CALM_S = 1.0  # behind a hang, for those who waited for it
LEDGER_LEFT_S = 90.0  # the root removes it a minute behind its host
CHANNELS = {"reactor-STORE": STORE, "reactor-PUSH": PUSH, "reactor-SPILL": SPILL}


class Company(Protocol):
    """Somebody who is there while the node is harmed: a context manager that knows in the end what was seen."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def lines(self) -> Iterable[str]:
        """For people to read."""

    def violations(self) -> Iterable[str]:
        """What did not hold, a line each."""


class _GivenUpError(Exception):
    """What must come does not, and there is no going on."""


class Storm:
    """One run.

    Args: seed, of the plan; secs, how long; every, seconds between two actions in the mean; home, of the node; say, is
        told each action; probe_timeout, seconds after which the node takes an actor for hung, a reactor later; version, of
        CometBFT; company, who else is there meanwhile: then the node has an echo for it, and a book that is strict.
    """

    def __init__(
        self,
        seed: int,
        secs: float,
        every: float,
        home: Path,
        say: Callable[[str], None],
        probe_timeout: float = PROBE_TIMEOUT_S,
        version: str = DEFAULT_VERSION,
        company: Callable[[ChaosNode], Company] | None = None,
    ) -> None:
        self._seed, self._secs, self._every, self._home = seed, secs, every, home
        self._say, self._probe_timeout, self._version = say, probe_timeout, version
        self._company = company
        self._report = Report()
        self._deeds = Deeds(probe_timeout)
        self._node: ChaosNode
        self._peers: SixPeers
        self._log: Log
        self._traffic: Traffic
        self._paused: dict[str, int] = {}  # target → PID
        self._passing = Passing()
        self._hung: str | None = None
        self._calm_at = self._look_at = 0.0
        self._acts: dict[str, list[tuple[Harm, float]]] = {part: [] for part in PARTS}  # fatal ones, and when
        self._over: dict[str, int] = dict.fromkeys(PARTS, 0)  # how many of them
        self._connected: dict[str, bool] = {}
        self._away_since: dict[str, float] = {}
        self._broken_since: float | None = None

    def run(self) -> Report:
        """Start everything, do the planned, wait until all is whole again, and judge what is left. Raises nothing."""
        with (
            SixPeers(self._seed, self._version) as self._peers,
            ChaosNode(
                self._home,
                self._peers.to_be_dialled[:-1],
                self._probe_timeout,
                has_company=self._company is not None,
            ) as self._node,
        ):
            self._log = Log(self._node.log_path, self._peers.knows)
            try:
                self._begin()
                self._rage_in_company()
                self._end()
            except (_GivenUpError, EOFError, TimeoutError, GoPeerEndedError, GoPeerTimeoutError) as error:
                self._report.violations.append(str(error))
        return self._report

    # --- the course of it ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        node, peers = self._node, self._peers
        node.call("dial", address=peers.to_be_dialled[-1])  # persistent too, but told at run time
        peers.dial(node.address)
        self._traffic = Traffic(node.node_id, node.data_dir, peers.all, self._wait)
        self._wait(self._is_whole, "the node to be whole at the start")
        self._traffic.start()
        self._traffic.wait_until_it_flows()
        self._report.before = self._measure()
        self._traffic.start()

    def _rage_in_company(self) -> None:
        if self._company is None:
            self._rage()
            return
        company = self._company(self._node)
        with company:
            self._rage()
        self._report.company = list(company.lines())
        self._report.violations += company.violations()

    def _rage(self) -> None:
        began = time.monotonic()
        for action in draw(self._seed, self._every):
            due = time.monotonic() + action.gap
            if due > began + self._secs:
                break
            while time.monotonic() < due:
                self._look()
                time.sleep(LOOK_S)
            self._do(action)
            self._say(f"{time.monotonic() - began:7.2f} s  {action}")
        self._wait(self._is_whole, "the node to be whole again")
        self._say(f"{time.monotonic() - began:7.2f} s  whole again")

    def _end(self) -> None:
        report, log = self._report, self._log
        report.after = self._measure()
        log.read()
        report.restarts = sum(log.restarted.values())
        report.accounts = self._traffic.accounts()
        for account in report.accounts:
            report.violations += account.violations
        report.violations += self._deeds.violations(log)
        if self._traffic.raised() != self._deeds.raised:
            report.violations.append(f"raised over: {self._traffic.raised()}, asked to: {self._deeds.raised}")
        assert report.before is not None
        report.violations += growth(
            report.before,
            report.after,
            self._may_have_counts,
            judges_memory=self._company is None,  # it judges that by itself
        )
        report.violations += self._stop()

    def _measure(self) -> Footprint:
        """Without traffic, and with the connections that every question needs."""
        self._traffic.stop()
        self._wait(
            lambda: self._node.peers() == self._peers.ids and self._node.serves_metrics(),
            "six peers in net_info, and the metrics",
        )
        self._node.call("raise in peer", peer="nobody")
        measured: list[Footprint] = []

        def is_at_rest() -> bool:
            measured.append(measure(self._node.processes(), self._node.directory))
            return len(measured) > 1 and measured[-1].is_like(measured[-2])

        self._wait(is_at_rest, "the node to be at rest")
        return measured[-1]

    def _stop(self) -> list[str]:
        try:
            code = self._node.stop()
        except subprocess.TimeoutExpired as error:
            return [f"the node does not stop: {error}"]
        left = [name for pid, name in self._node.processes().items() if pid != self._node.pid]
        if code or left or self._node.directory.exists():
            return [f"stopped with exit code {code}, left: {left}, {list(self._node.directory.glob('*'))}"]
        return []

    def _may_have_counts(self, serial: int) -> bool:
        ended = self._log.gone.get(serial)
        return ended is None or time.monotonic() < ended + LEDGER_LEFT_S

    # --- watching --------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Take in what has happened; continue who has paused for long enough. Raises: _GivenUpError."""
        now = time.monotonic()
        self._passing.look()
        if not self._node.lives():
            raise _GivenUpError(f"the node has ended:\n{self._node.log_path.read_text()[-2000:]}")
        self._log.read()
        for part, acts in self._acts.items():
            if self._over[part] < len(acts) and self._log.restarts(part) > self._over[part]:
                harm, when = acts[self._over[part]]
                self._over[part] += 1
                self._report.recoveries.setdefault(harm.value, []).append(now - when)
        if self._hung is not None and self._is_up(self._hung):
            self._hung, self._calm_at = None, now + CALM_S
        if now >= self._look_at:
            self._look_at = now + LOOK_AT_PEERS_S
            self._look_at_peers(now)

    def _look_at_peers(self, now: float) -> None:
        self._connected = self._peers.connected()
        for peer, connected in self._connected.items():
            if connected and peer in self._away_since:
                self._report.away.append(now - self._away_since.pop(peer))
            elif not connected:
                self._away_since.setdefault(peer, now)
        if not self._is_whole():
            self._broken_since = self._broken_since or now
        elif self._broken_since is not None:
            self._report.broken = max(self._report.broken, now - self._broken_since)
            self._broken_since = None

    def _wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Returns: what is true. Raises: _GivenUpError, when it does not become so."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._look()
            if result := condition():
                return result
            if time.monotonic() > deadline:
                down = [part for part in PARTS if not self._is_up(part)]
                away = [peer for peer, connected in self._connected.items() if not connected]
                there = sorted(self._node.processes().values())
                raise _GivenUpError(
                    f"waited {PATIENCE_S:g} s in vain for {what}; not up: {down}, away: {away}, processes: {there}"
                )
            time.sleep(LOOK_S)

    def _is_up(self, target: str) -> bool:
        """Whether nothing is under way there: as many restarts are logged as there should be."""
        if target == FORK_SERVER:
            return self._log.fork_servers_died == self._deeds.fork_servers
        return target == NODE or self._log.restarts(target) == self._deeds.restarts(target)

    def _is_free(self, *targets: str) -> bool:
        return all(self._is_up(target) and target not in self._paused for target in targets)

    def _is_whole(self) -> bool:
        return (
            not self._paused
            and not self._passing
            and all(map(self._is_up, (*PARTS, FORK_SERVER)))
            and bool(self._connected)
            and all(self._connected.values())
        )

    def _is_calm(self) -> bool:
        """One hang at a time: who waits in `send` for a peer host that hangs must not be taken for hung itself."""
        return self._hung is None and time.monotonic() >= self._calm_at

    # --- harm ----------------------------------------------------------------------------------------------------------

    def _do(self, action: Action) -> None:
        """Wait until the target is up, then act on it, once."""
        harm, target = action.harm, action.target
        self._report.done[harm.value, target] += 1
        if target.startswith("peer "):
            index = int(target.split()[1])
            if harm in IS_PASSING:
                self._harm_link(action, self._peers.all[index], self._peers.links[index])
            else:
                self._harm_peer(action, self._peers.all[index])
            return
        if harm in IS_PASSING:
            self._begin_fault(action)
            return
        needs = [target]
        if harm in {Harm.DOZE, Harm.HANG, Harm.RAISE} or target == FORK_SERVER:
            needs.append(NODE)  # it has a part in it
        lasting = harm in {Harm.FREEZE, Harm.HANG}
        # With the fork server's death the hosts become an orphaned process group: the kernel continues who is stopped.
        needs_calm = lasting or (harm, target) == (Harm.KILL, FORK_SERVER)
        self._wait(
            lambda: self._is_free(*needs) and (not needs_calm or self._is_calm()), f"{target} to be up"
        )
        if harm in IS_FATAL and target in PARTS:
            self._deeds.add(harm, target)
            self._acts[target].append((harm, time.monotonic()))
            self._hung = target if lasting else self._hung
        self._act(harm, target, action.seconds)

    def _act(self, harm: Harm, target: str, seconds: float) -> None:
        match harm:
            case Harm.KILL:
                os.kill(self._pid(target), signal.SIGKILL)
                self._deeds.fork_servers += target == FORK_SERVER
            case Harm.PAUSE:
                self._paused[target] = self._pid(target)
                os.kill(self._paused[target], signal.SIGSTOP)
                self._passing.later(seconds, lambda: os.kill(self._paused.pop(target), signal.SIGCONT))
            case Harm.FREEZE:
                os.kill(self._pid(target), signal.SIGSTOP)
            case Harm.DOZE:
                self._node.call("sleep", actor=target, seconds=seconds)
            case Harm.HANG:
                self._node.call("sleep", actor=target, seconds=1e6)
            case _:
                self._node.call("raise", actor=target)

    def _begin_fault(self, action: Action) -> None:
        """What passes by itself, in a process of the node: it may be killed meanwhile, as any other."""
        harm, target = action.harm, action.target
        self._wait(
            lambda: self._is_free(target, NODE) and not self._passing.has(target, harm), f"{target} to be up"
        )
        self._pass(action, tamper(action, self._node, self._pid(target)))

    def _harm_link(self, action: Action, peer: GoPeer, link: Link) -> None:
        """Between the node and a peer. The node may reach it in another way at once, at the address that it tells."""
        self._wait(
            lambda: self._connected[peer.id] and not self._passing.has(action.target, Harm.CUT, Harm.SILENCE),
            f"peer {peer.id} to be connected",
        )
        self._pass(action, break_link(action, link, self._log))
        if action.harm is Harm.CUT:
            self._wait(lambda: not link.is_in_use, f"the link to peer {peer.id} to end")
            self._log.harmed()

    def _pass(self, action: Action, undo: Callable[[], object]) -> None:
        """Undo it in time; but not while the node is paused, which may have a part in it."""
        self._deeds.passing[action.harm] += 1
        self._passing.begin(action, undo, lambda: NODE not in self._paused, LOOK_S)

    def _pid(self, target: str) -> int:
        if target == NODE:
            return self._node.pid
        return int(self._node.call("fork server")) if target == FORK_SERVER else self._log.pids[target]

    def _harm_peer(self, action: Action, peer: GoPeer) -> None:
        """What concerns one connection is waited for: its host must not go meanwhile."""
        needs = [*HOSTS, NODE, *([action.reactor] if action.reactor else [])]
        self._wait(
            lambda: self._is_calm() and self._is_free(*needs) and self._connected[peer.id],
            f"peer {peer.id}, and {needs} to be up",
        )
        deeds, log = self._deeds, self._log
        if action.harm is Harm.RAISE:
            name = self._wait(
                lambda: self._node.call("raise in peer", peer=peer.id),
                f"peer {peer.id} to be known to its host",
            )
            deeds.failed[name] += 1
            self._wait(lambda: log.failed[name] == deeds.failed[name], f"{name} to fail")
            return
        key = action.reactor.removeprefix("reactor-"), peer.id
        self._wait(lambda: self._poison(peer, CHANNELS[action.reactor]), f"peer {peer.id} to send")
        deeds.raised[key] += 1
        self._wait(lambda: log.raised[key] == deeds.raised[key], f"{key} to raise")

    def _poison(self, peer: GoPeer, channel: int) -> bool:
        try:
            peer.send(self._node.node_id, channel, POISON)
        except GoPeerError:
            return False
        return True
