"""Private peers: nothing that a stranger can read names them, however the operator wrote their IDs."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.ban_report import BanReport
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import fit, write_book
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.events.connections import connected, lost
from peerage.actors.events.event_log import EventLog
from peerage.actors.events.happenings import Banned, BanReason, Dialled, Direction, Refused
from peerage.actors.events.messages import NextEvents
from peerage.actors.events.private_names import PrivateNames
from peerage.actors.log_folding import LineFolding
from peerage.actors.messages import ConnectionEnded, ConnectionFacts, PeerFigures, PeerInfo, PeerStatus
from peerage.actors.metrics.app import SharedAggregate, metrics_app
from peerage.actors.metrics.buffer import MetricsBuffer
from peerage.actors.metrics.families import FAMILIES
from peerage.actors.metrics.settings import MetricsSettings
from peerage.actors.peers.peer_figures import row_of
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.rpc.app import rpc_app
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.log import get_logger
from peerage.actors.snapshot import NetInfoSnapshot, StatusSnapshot
from peerage.actors.switch.connection_log import ConnectionLog
from peerage.actors.switch.hidden_in_logs import PrivatePeersInLogs
from peerage.actors.switch.peer_table import PeerLimits, PeerTable
from peerage.config import private_lines
from peerage.config.logging import LogSettings, formatter
from peerage.config.sections import P2PConfig
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from tests.actors.discovery.nodes import address, book, node_id
from tests.actors.http.asgi_exchange import exchange
from tests.actors.rpc.rpc_snapshots import CONNECTION, NoBans
from tests.fake_clock import FakeClock

OWN = node_id(999)
ROUTES = (
    "health",
    "status",
    "net_info",
    "actors",
    "peers",
    "bans",
    "log_tail",
    "dial_seeds",
    "dial_peers",
    "",
    "nonsense",
)


@dataclass
class Sentry(NoBans):
    """A node's parts behind which private peers stand. Args: ids, as the operator wrote them; connected, the peers."""

    ids: tuple[str, ...]
    connected: list[NetAddress]
    told: list[NetAddress]
    unproved: tuple[str, ...] = ("198.51.100.77",)  # addresses of private peers that have not shaken hands

    def __post_init__(self) -> None:
        self.private = P2PConfig(private_peer_ids=self.ids).private_peer_ids
        self.table = PeerTable(PeerLimits(OWN, 40, IPLimits(per_ip=None)))
        self.table.private.update(self.private)

    def peer(self, where: NetAddress) -> PeerStatus:
        """A connected peer, as its host tells of it."""
        facts = ConnectionFacts(str(where), "peers-0", str(where.host), where.port, is_outbound=False)
        info = PeerInfo(
            connection=facts.connection,
            ref=ActorRef.to("peer"),
            id=where.id,
            node_info=NodeInfo(
                id=where.id, listen_addr=f"tcp://{where.dial_string}", network="n", moniker="m"
            ),
            remote_ip=facts.remote_ip,
            socket_address=where.dial_string,
            is_outbound=False,
            is_persistent=False,
            is_unconditional=False,
            host=facts.host,
        )
        return PeerStatus(info, CONNECTION)

    # what RPC asks the node

    async def health(self) -> None: ...

    async def net_info(self) -> NetInfoSnapshot:
        return NetInfoSnapshot(True, "", self.table.snapshots(map(self.peer, self.connected)))

    async def peers(self, *, hide_private: bool) -> tuple[list[HostPeers], frozenset[str]]:
        """Everybody is connected, and was refused before: with an ID, and as a stranger."""
        rows = tuple(row_of(self.peer(each)) for each in self.connected)
        refused = [
            (1.0, each.dial_string, id_, True, "banned", "") for each in self.told for id_ in (each.id, "")
        ]
        refused += [
            (1.0, "x:1", OWN, True, "duplicate ip", f"existing: 1 is {each.id}") for each in self.told
        ]
        figures = PeerFigures(rows, tuple(refused))
        return [HostPeers("peers-0", True, figures)], frozenset(self.table.private if hide_private else ())

    async def status(self) -> StatusSnapshot:
        return StatusSnapshot(NodeInfo(id=OWN, network="n", moniker="m"))

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None: ...

    async def dial_peers(self, peers: tuple[str, ...], **_flags: bool) -> None: ...

    # what strangers read

    def rpc(self) -> bytes:
        """The answers of every route. Of bans and lines: as `SwitchBackend` of the RPC actor tells them."""
        app = rpc_app(self, True)
        return b"".join(exchange(app, "GET", f"/{route}").body for route in ROUTES)

    def metrics(self) -> bytes:
        """What Prometheus reads, after everything that is counted by peer was counted for every peer."""
        shared = SharedAggregate(MetricsSettings("n", hides_private_peers=True), FAMILIES)
        shared.hide(frozenset(self.private))
        buffer = MetricsBuffer("source")
        for family in FAMILIES:
            for peer in self.connected if family.peer_index is not None else []:
                labels = tuple(peer.id if label == "peer_id" else "0x0" for label in family.labels)
                if family.name.endswith("_total"):
                    buffer.inc(family.name, labels)
                else:
                    buffer.set(family.name, labels, 1.0)
        delta = buffer.drain()
        if delta is not None:
            shared.add(delta)
        return exchange(metrics_app(shared, 3), "GET", "/metrics").body

    def events(self) -> bytes:
        """What is told at RPC of everybody who came and went, and of strangers who are told who is here."""
        log = EventLog("e", "ours", PrivateNames(self.private))
        for peer in map(self.peer, self.connected):
            info = peer.info
            ended = ConnectionEnded(
                ConnectionFacts("", "", info.remote_ip, 1, is_outbound=False), None, "gone"
            )
            log.add(1.0, connected(info))
            log.add(2.0, lost(info, ended, 2.0))
            log.add(3.0, Dialled(info.id, info.socket_address))
            log.add(
                4.0, Refused(RefusalReason.DUPLICATE_ID, f"{info.id} is here", "", "x:1", Direction.INBOUND)
            )
            log.add(5.0, Banned(BanReason.BY_ORDER, "", info.id, "then", 1))
        for each in self.unproved:
            log.add(
                6.0, Refused(RefusalReason.INBOUND_LIMIT, "40 are here", "", f"{each}:9", Direction.INBOUND)
            )
            log.add(7.0, Banned(BanReason.OFFENCE, "", each, "then", 1))
        assert log.answer(NextEvents()).lines == ()  # it is not known yet who was added
        log.learn_private(())
        told, cursor = b"", None
        while (answer := log.answer(NextEvents(cursor))).lines:
            told += b"".join(line.whole for line in answer.lines)
            cursor = answer.cursor
        return told

    def logs(self) -> bytes:
        """What is logged at info and above of whoever came, went, was refused or could not be reached."""
        log, clock = get_logger("peerage.switch"), FakeClock()
        logs = PrivatePeersInLogs("", lambda _errand: {}, self.table)
        with written() as lines:
            told = ConnectionLog(log, clock.call_later, self.table, now=clock.now, seed_mode=False)
            for peer in map(self.peer, self.connected):
                info, where = peer.info, f"{peer.info.id}@{peer.info.socket_address}"
                logs.connected(info)
                told.want([info.id])
                dial = ConnectionFacts(
                    "d", "peers-0", info.remote_ip, 26656, is_outbound=True, dialled_id=info.id
                )
                call = ConnectionFacts("c", "peers-0", info.remote_ip, 1, is_outbound=False)
                told.added(info)
                told.refused(call, Refusal(RefusalReason.DUPLICATE_ID, f"{info.id} is here"))
                told.refused(dial, Refusal(RefusalReason.UNREACHABLE, f"dial {info.socket_address}: refused"))
                told.not_resolved(info.id, where, ValueError(f"no address in {where}"))
                told.stopped(info, f"EOF from {info.socket_address}")
                log.info("dial peers", peers=(where,))
                log.warning("setting changed", before=f'["{where}"]', after="[]")
                log.error("peer banned", host=info.remote_ip)
            for each in self.unproved:
                call = ConnectionFacts("u", "peers-0", each, 9, is_outbound=False)
                told.refused(call, Refusal(RefusalReason.AUTH_FAILURE, f"nothing more came from {each}"))
                BanReport(LineFolding(clock.call_later)).banned(Ban(each, "flood of packets", 1, 2))
            told.close()
        return "\n".join(lines).encode()

    def pex(self, *, seed: bool) -> tuple[bytes, AddrBook]:
        """The answer to a request for addresses, and the book it comes from."""
        known = book(strict=False)
        known.add_private_ids(self.private)
        known.add_each(self.connected)
        known.add_all(self.told, address(1))
        for each in (*self.connected, *self.told):
            known.mark_good(each.id)
        return known.answers.message(30 if seed else None), known


@contextmanager
def written() -> Iterator[list[str]]:
    """What is logged meanwhile at info and above, plain and as JSON, by a process that hides nobody yet."""
    lines: list[str] = []
    process, private_lines._process = private_lines._process, private_lines._Process()

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            facts = dict(record.__dict__)
            forms = (formatter(LogSettings("info", form)) for form in ("plain", "json"))
            lines.extend(form.format(logging.makeLogRecord(facts)) for form in forms)

    logger, keep = logging.getLogger("peerage"), Keep(logging.INFO)
    level, spreads = logger.level, logger.propagate
    logger.addHandler(keep)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(keep)
        logger.setLevel(level)
        logger.propagate = spreads
        private_lines._process = process


cases = st.randoms(use_true_random=True)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(100, 120), max_size=6), st.sets(st.integers(100, 120), max_size=12), cases)
def test_no_output_that_a_stranger_can_read_names_a_private_peer(
    private: set[int], others: set[int], chance: random.Random
) -> None:
    """RPC by every route, events, metrics, logs, a node's and a seed's answers; whatever the case of the IDs."""

    def anyhow(text: str) -> str:
        return "".join(chance.choice((each, each.upper())) for each in text)

    nodes = sorted(private | others)
    everybody = [address(0xABCDEF00 + number) for number in nodes]
    as_told = [NetAddress(anyhow(each.id), each.host, each.port) for each in everybody]
    sentry = Sentry(tuple(anyhow(node_id(0xABCDEF00 + number)) for number in private), everybody, as_told)
    answer, _ = sentry.pex(seed=False)
    seed_answer, known = sentry.pex(seed=True)
    log, events = sentry.logs().decode(), sentry.events()
    read = (
        b"\n".join((sentry.rpc(), sentry.metrics(), events, log.encode(), answer, seed_answer))
        .decode("utf-8", "replace")
        .lower()
    )
    file = write_book(known.key, fit(known))
    for output in (log, events.decode(), read):
        assert ("198.51." in output) is not bool(private)  # nor its network
    for number, where in zip(nodes, everybody, strict=True):
        peer_id = node_id(0xABCDEF00 + number)
        if number in private:
            assert not re.search(rf"(?<![\d.]){re.escape(str(where.host))}(?![\d.])", log)
            assert peer_id not in read
            assert peer_id not in file
        else:
            assert read.count(peer_id) > 2  # the test would see a private one, too


def test_no_peer_is_named_in_metrics_before_it_is_known_who_is_private() -> None:
    """After a restart of the metrics alone: those added while running are known to the switch only."""
    shared = SharedAggregate(MetricsSettings("n", hides_private_peers=True), FAMILIES)
    buffer = MetricsBuffer("source")
    buffer.set("p2p_peer_round_trip_seconds", (node_id(1),), 1.0)
    buffer.set("p2p_peers", (), 1.0)
    delta = buffer.drain()
    assert delta is not None
    shared.add(delta)

    def read() -> str:
        return exchange(metrics_app(shared, 3), "GET", "/metrics").text

    assert node_id(1) not in read()
    assert 'p2p_peers{chain_id="n"} 1.0' in read()
    shared.hide(frozenset({node_id(2)}))
    assert node_id(1) in read()
    shared.hide(frozenset({node_id(1)}))
    assert node_id(1) not in read()


@pytest.mark.parametrize("key", ["private_peer_ids", "unconditional_peer_ids"])
def test_ids_of_the_configuration_are_kept_in_lower_case(key: str) -> None:
    """However they are given."""
    given: dict[str, Any] = {key: (node_id(0xAB).upper(), node_id(0xCD))}
    assert getattr(P2PConfig(**given), key) == (node_id(0xAB), node_id(0xCD))


@pytest.mark.parametrize("key", ["persistent_peers", "seeds"])
def test_ids_of_configured_addresses_are_kept_in_lower_case(key: str) -> None:
    """The rest of the address is as it was written."""
    given: dict[str, Any] = {key: f"tcp://{node_id(0xAB).upper()}@Host:1"}
    assert getattr(P2PConfig(**given), key) == (f"tcp://{node_id(0xAB)}@Host:1",)


def test_an_id_is_found_in_any_case() -> None:
    """By whoever asks the book."""
    known = book()
    known.add(address(0xAB), address(1))
    loud = NodeID(node_id(0xAB).upper())
    assert known.has(loud)
    assert known.get(loud) is not None
    known.mark_good(loud)
    assert known.is_good(loud)
    known.bad_peers.ban(loud, 60.0, "loud")
    assert known.bans.holds(loud)
    assert [known.bans.ban_of(loud)] == known.bans.in_force()
    assert known.bad_peers.lift(loud)
    assert known.has(node_id(0xAB))
    known.add_private_ids([loud])
    assert not known.has(node_id(0xAB))
