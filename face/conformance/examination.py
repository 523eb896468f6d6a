"""All chosen cases done to one node, side by side, with an eye on whether it still lets us in.

A node owes a stranger nothing: it may take one connection of an IP at a time, bar us for what a case did, or be full. What
it does then is no answer to a case. So whenever an ending may be that, an honest peer tries next, and if it is turned away
too the rest is left out, and said to be.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address, ip_network

from peerage.conformance.case import Case, Group, Outcome, When
from peerage.conformance.suite import Chosen
from peerage.conformance.trial import Ending, try_out
from peerage.conformance.visitor import PATIENCE_S, Claims, StoppedError, Visitor, WrongAnswerError
from peerage.wire.errors import RemoteError
from peerage.wire.pex import PEX_CHANNEL

__all__ = ["Bounds", "Examination", "Result", "Status", "loopback_sources"]

LOOPBACK = ip_network("127.0.0.0/8")
HONEST_S = 5.0  # for an honest peer to be served
ANSWER_S = 15.0  # for an answer to a request: a seed that knows nobody may wait for others first
TRIES, PAUSE_S = 4, 0.4  # of an honest peer: a node may not have noticed yet that the last connection is over
STEP_S = 60.0  # for one case, its patience not counted


class Status(StrEnum):
    """How a case came out."""

    PASSED = "pass"
    FAILED = "FAIL"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Result:
    """Of one case. Args: outcome, None if it was left out; seconds, until then; detail, what is wrong, or why it was."""

    group: Group
    case: Case
    status: Status
    outcome: Outcome | None = None
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the node is spared.

    Args: at_once, connections of cases at a time; patience, seconds for an end that must come; longest, seconds for all;
        waits_for_pings, whether cases that wait for a ping are done, and how many seconds that may take.
    """

    at_once: int = 16
    patience: float = 25.0
    longest: float = 180.0
    waits_for_pings: float = 0.0


def loopback_sources(number: int) -> str:
    """The address of that number on the loopback, each in another /16 for the first 230."""
    return f"127.{16 + number % 230}.{1 + number // 230 % 250}.{1 + number % 250}"


class Examination:
    """Of one node.

    Args:
        host, port: where it listens, an IP.
        claims: what an honest peer says to it.
        bounds: what it is spared.
        source: the address to dial from; "" for any, and for many of them on the loopback.
        dial: has the node dial an address, `ID@host:port`; None if nobody can. Raises: OSError, WrongAnswerError.
    Attributes: connections, sent: how many were made and bytes were sent; barred: why no more is done, or "";
        one_at_a_time: the node takes one connection of an IP.
    """

    def __init__(
        self,
        host: str,
        port: int,
        claims: Claims,
        bounds: Bounds,
        *,
        source: str = "",
        dial: Callable[[str], None] | None = None,
    ) -> None:
        self._host, self._port, self._claims, self._bounds, self._dial = host, port, claims, bounds, dial
        self._numbers = itertools.count()
        self._source = source
        self._has_many = not source and ip_address(host) in LOOPBACK and _binds(loopback_sources(0))
        self._lock = threading.Lock()
        self._open: set[Visitor] = set()
        self._ends_at = time.monotonic() + bounds.longest
        self.connections = self.sent = 0
        self._is_mute = False
        self.barred = ""
        self._is_stopped = False
        self.one_at_a_time = False

    def run(self, cases: Chosen, tell: Callable[[Result], None] = lambda _result: None) -> list[Result]:
        """Do them. Args: tell, called with each result, from any thread. Returns: the results, in the order of the cases."""
        self.one_at_a_time = not self._has_many and self._takes_one_at_a_time()
        if any(case.asks_pex for _group, case in cases):
            self._learn_how_it_answers()
        results: dict[int, Result] = {}

        def do(number: int) -> None:
            result = self._result_of(*cases[number])
            results[number] = result
            tell(result)

        with ThreadPoolExecutor(1 if self.one_at_a_time else self._bounds.at_once) as pool:
            try:
                for phase in self._phases(cases):
                    list(pool.map(do, phase))
            except BaseException:  # Ctrl-C: what waits for a node waits no longer
                self._stop()
                raise
        return [results[number] for number in range(len(cases))]

    def _phases(self, cases: Chosen) -> Iterator[Sequence[int]]:
        """First what waits longest, if it can wait side by side; what a node may bar us for comes last."""
        ranks = [
            (case.is_offence, case.is_timeout == self.one_at_a_time, number)
            for number, (_group, case) in enumerate(cases)
        ]
        for is_last in (False, True):
            yield [number for is_offence, _, number in sorted(ranks) if is_offence is is_last]

    # --- one case ----------------------------------------------------------------------------------------------------

    def _result_of(self, group: Group, case: Case) -> Result:
        if why := self._why_not(case):
            return Result(group, case, Status.LEFT_OUT, detail=why)
        ending, has_heard = self._patient_end_of(case)
        is_doubtful = bool(ending.wrong) or ending.outcome is Outcome.LEFT
        if is_doubtful or not has_heard:
            refusal = self._honest_refusal()
            if isinstance(refusal, ConnectionRefusedError):
                wrong = "the node does not listen any more"
                self._bar(f"{wrong}, since {group.key}: {case.name}")
                return Result(group, case, Status.FAILED, ending.outcome, ending.seconds, wrong)
            if refusal is not None:
                self._bar(f"the node turns an honest peer away: {refusal}")
                return Result(group, case, Status.LEFT_OUT, detail=self.barred)
            if ending.outcome is Outcome.ENDED:  # it may have been full, or have had no room for our address
                ending, _ = self._patient_end_of(case)
        status = Status.FAILED if ending.wrong else Status.PASSED
        return Result(group, case, status, ending.outcome, ending.seconds, ending.wrong)

    def _why_not(self, case: Case) -> str:
        """Why a case is left out, or ""."""
        if self.barred:
            return self.barred
        if case.when is When.PATIENTLY and not self._bounds.waits_for_pings:
            return "it waits for a ping and its pong: --slow"
        if case.is_dialled and self._dial is None:
            return "the node must dial us: --rpc"
        if case.asks_pex and PEX_CHANNEL not in self._claims.channels:
            return "the node exchanges no addresses"
        if case.asks_pex and self._is_mute and Outcome.SERVED in case.must:
            return "the node hangs up on a request for addresses, as a seed does that knows nobody"
        if case.is_of_peers and (self._is_mute or self._claims.is_seed):
            return "whoever calls a seed is not its peer"
        if case.takes_two and self.one_at_a_time:
            return "the node takes one connection of an IP"
        if time.monotonic() > self._ends_at:
            return "the time was over: --max-time"
        return ""

    def _patient_end_of(self, case: Case) -> tuple[Ending, bool]:
        """The same as `_end_of`, again while the node may not have noticed that our last connection is over."""
        for attempt in range(TRIES):
            ending, has_heard = self._end_of(case)
            if has_heard or ending.outcome is not Outcome.ENDED or not self.one_at_a_time:
                break
            time.sleep(PAUSE_S * (attempt + 1))
        return ending, has_heard

    def _end_of(self, case: Case) -> tuple[Ending, bool]:
        """Returns: what came of it; whether the node has said a word."""
        patience = self._bounds.patience
        if case.when is When.PATIENTLY:
            patience = max(patience, self._bounds.waits_for_pings)
        try:
            with self._meet(case) as visitor, self._open_while_used(visitor):
                visitor.deadline = time.monotonic() + STEP_S + patience
                try:
                    return try_out(visitor, case, patience), visitor.has_heard
                finally:
                    self._count(visitor)
        except (OSError, WrongAnswerError) as error:
            return Ending(Outcome.HELD, 0.0, f"it could not be tried: {_text(error)}"), False

    @contextlib.contextmanager
    def _meet(self, case: Case) -> Iterator[Visitor]:
        if not case.is_dialled:
            with self._call() as visitor:
                yield visitor
            return
        assert self._dial is not None
        dial, here = self._dial, self._next_source() or self._address_here()
        with socket.create_server((here, 0), family=_family(here)) as server:
            server.settimeout(PATIENCE_S)
            at = f"[{here}]" if ":" in here else here
            port = server.getsockname()[1]
            claims = replace(self._claims, listen_addr=f"tcp://{at}:{port}")
            with Visitor.called(server, lambda peer: dial(f"{peer}@{at}:{port}"), claims) as visitor:
                yield visitor

    @contextlib.contextmanager
    def _open_while_used(self, visitor: Visitor) -> Iterator[None]:
        with self._lock:
            self._open.add(visitor)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(visitor)

    def _stop(self) -> None:
        """End all cases that are under way."""
        self._is_stopped = True
        self._bar("it was interrupted")
        with self._lock:
            for visitor in self._open:
                for each in (visitor, *visitor.made):
                    each.deadline = 0.0
                    with contextlib.suppress(OSError):  # it was closed
                        each.sock.shutdown(socket.SHUT_RDWR)

    def _call(self) -> Visitor:
        """Raises: OSError."""
        visitor = Visitor.calling(self._host, self._port, self._claims, self._next_source())
        visitor.spare = self._next_source
        return visitor

    def _next_source(self) -> str:
        """Raises: StoppedError."""
        if self._is_stopped:
            raise StoppedError
        return loopback_sources(next(self._numbers)) if self._has_many else self._source

    def _address_here(self) -> str:
        """Ours, as the node sees it."""
        with self._call() as visitor:
            here: str = visitor.sock.getsockname()[0]
            return here

    def _count(self, visitor: Visitor) -> None:
        with self._lock:
            for each in (visitor, *visitor.made):
                self.connections += 1
                self.sent += each.sent

    def _bar(self, why: str) -> None:
        with self._lock:
            self.barred = self.barred or why

    # --- honest peers ------------------------------------------------------------------------------------------------

    def _honest_refusal(self) -> Exception | None:
        """Why an honest peer is not served now; None if it is."""
        refusal: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE_S * attempt)
            try:
                self._be_honest()
            except (OSError, RemoteError) as error:
                refusal = error
            else:
                return None
        return refusal

    def _be_honest(self) -> None:
        """Raises: OSError, RemoteError."""
        with self._call() as visitor:
            visitor.deadline = time.monotonic() + HONEST_S
            try:
                visitor.join()
                visitor.confirm()
            finally:
                self._count(visitor)

    def _learn_how_it_answers(self) -> None:
        """Whether the node hangs up on a request for addresses: with an answer it is a seed, without one it is mute."""
        if PEX_CHANNEL not in self._claims.channels:
            return
        with contextlib.suppress(OSError, RemoteError), self._call() as visitor:
            visitor.deadline = time.monotonic() + ANSWER_S
            visitor.join()
            visitor.message(visitor.sample(), PEX_CHANNEL)
            try:
                visitor.hear_addresses()
                visitor.confirm()
            except ConnectionError:
                self._is_mute = not visitor.was_answered
                self._claims = replace(self._claims, is_seed=visitor.was_answered)
            finally:
                self._count(visitor)

    def _takes_one_at_a_time(self) -> bool:
        """Whether a second honest peer from our address is turned away while a first one is there."""
        try:
            with self._call() as first:
                first.join()
                first.confirm()
                try:
                    self._be_honest()
                except (OSError, RemoteError):
                    first.confirm()
                    return True
        except (OSError, RemoteError):
            pass
        return False


def _binds(address: str) -> bool:
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _text(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
