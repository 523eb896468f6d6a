"""What the switch's parts are tested with in place of actors and threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from functools import partial
from typing import Any

from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.messages import AdmitPeer, ConnectionFacts
from peerage.actors.name_lookups import Answer
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorRef, Future
from peerage.actors.switch.filters import ConnectionFilter, Filters, PeerFilter
from peerage.actors.switch.peer_table import PeerLimits, PeerTable
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from tests.fake_clock import FakeClock

OWN, ANNA, BERT = (NodeID(letter * 40) for letter in "5af")


class Told(ActorRef[Any]):
    """Keeps what it is told; the test answers what it is asked."""

    def __init__(self, name: str = "peer") -> None:
        super().__init__(name)
        self.told: list[Any] = []
        self.answer: Future[Any] = Future()

    def tell(self, message: Any, **_: Any) -> None:
        self.told.append(message)

    def ask(self, message: Any, **_: Any) -> Any:
        self.told.append(message)
        return self.answer


class Beside:
    """Work that would be done beside the loop: when the test says so."""

    def __init__(self) -> None:
        self._work: list[tuple[Callable[[], Any], Callable[[Any], None]]] = []

    def run(self, work: Callable[[], Any], then: Callable[[Any], None], /) -> None:
        self._work.append((work, then))

    def do(self) -> None:
        """Do all of it, in its order."""
        work, self._work = self._work, []
        for call, then in work:
            try:
                result = call()
            except Exception as error:
                result = error
            then(result)


class Names:
    """Lookups of names that are answered when the test says so, and calls from their threads."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self._calls: list[Callable[[], object]] = []

    @property
    def asked(self) -> list[str]:
        """The names that were asked for, each once."""
        return list(self.answers)

    def begin(self, host: str) -> Answer:
        answer: Answer = ThreadFuture()
        self.answers.setdefault(host, []).append(answer)
        return answer

    def close(self) -> None:
        for answers in self.answers.values():
            for answer in answers:
                answer.cancel()

    def answer(self, host: str, *addresses: str) -> None:
        for answer in self.answers.pop(host, []):
            answer.set_result(addresses)

    def call_threadsafe(self, call: Callable[..., object], *args: Any) -> None:
        self._calls.append(partial(call, *args))

    def run_loop(self) -> None:
        """Do what the threads want done in the loop."""
        calls, self._calls = self._calls, []
        for call in calls:
            call()


class Bans:
    """Who is banned: IDs and IPs."""

    def __init__(self) -> None:
        self.subjects: set[str] = set()

    def refusal(self, peer_id: str | None = None, ip: str | None = None) -> Refusal | None:
        found = self.subjects & {str(peer_id), str(ip)}
        return Refusal(RefusalReason.BANNED, min(found)) if found else None


def table(max_inbound: int = 10) -> PeerTable:
    return PeerTable(PeerLimits(OWN, max_inbound, IPLimits(per_ip=None)))


def filters(
    beside: Beside,
    clock: FakeClock,
    connection: tuple[ConnectionFilter, ...] = (),
    peer: tuple[PeerFilter, ...] = (),
) -> Filters:
    return Filters(connection, peer, run=beside.run, call_later=clock.call_later, timeout=5.0)


def facts(number: int = 1, *, outbound: bool = False) -> ConnectionFacts:
    return ConnectionFacts(f"c-{number}", "peers-0", "10.0.0.1", 1000 + number, outbound)


def admit(number: int = 1, peer_id: NodeID = ANNA, ref: ActorRef[Any] | None = None) -> AdmitPeer:
    info = NodeInfo(id=peer_id, listen_addr="tcp://10.0.0.1:26656", network="n", moniker="m")
    return AdmitPeer(facts(number), peer_id, info, ref or Told())


def address(peer_id: NodeID = ANNA, host: str = "10.0.0.2", port: int = 26656) -> NetAddress:
    return NetAddress.parse(f"{peer_id}@{host}:{port}")
