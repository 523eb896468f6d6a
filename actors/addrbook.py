"""The address book's actor: one writer, and an answer only when what it says is on disk.

While nothing can be written, the book goes on in memory: questions are answered, and orders wait for their answers, as
they wait for a book that is being restarted.
"""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from peerage.actors.ban_report import BanReport
from peerage.actors.bootstrap_peers import BootstrapPeers
from peerage.actors.context import NodeContext
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.actors.discovery.book.bans import normal_subject
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.discovery.book.keeper import BookKeeper
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.discovery.book.opening import Opened, open_book, open_later
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.errors import DiscoveryError, StoreError, StoreVersionError
from peerage.actors.discovery.sharing.crawl_share import nobody
from peerage.actors.events.bans import tell_of_bans, tell_of_unbans
from peerage.actors.events.teller import EventTeller
from peerage.actors.held_answers import HeldAnswers
from peerage.actors.log_folding import LineFolding
from peerage.actors.messages.book import BansChanged, Charge, CountAddresses, Trust
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.name_lookups import NameLookups
from peerage.actors.runtime import (
    ProcessActor,
    Reply,
    StopIncompleteError,
)
from peerage.actors.runtime.log import get_logger
from peerage.config import Config
from peerage.wire.errors import WireError
from peerage.wire.ip_ranges import parse_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress, no_names
from peerage.wire.pex import PEX_CHANNEL

__all__ = [
    "AddrBookActor",
    "book_is_empty",
    "improvements_of",
    "own_address",
    "own_addresses",
    "self_reported",
]

log = get_logger("peerage.addrbook")

LOOK_S = 1.0  # so long at most a book whose file was deleted is on no disk
HOLD_S = 20.0  # so long at most a crawl that is shared waits for the first word of who visits whom
NO_PLACE = frozenset(
    {errno.EROFS, errno.EACCES, errno.EPERM}
)  # the operator's choice: a read-only configuration


class AddrBookActor(ProcessActor):
    """Performs each `BookCall`. The calls of one loop turn are one transaction, and are answered after it.

    The actors that admit connections are told the bans: all of them at the start, then each change once it is on disk.
    """

    def __init__(self) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        self._metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        count = self._metrics.buffer.inc if self._metrics.is_on else None
        self._events = EventTeller(self.runtime, context.event_hub)
        self._ban_report = BanReport(LineFolding(self.runtime.call_later), count)
        self._book: AddrBook
        self._keeper: BookKeeper
        self._bootstrap: BootstrapPeers
        self._forgiven: set[str] = set()  # by order, in this turn; not all of them were banned
        self._unanswered: list[tuple[Reply, bool, Any, float | None]] = []
        self._held = HeldAnswers()
        self._commit_due = False
        self._retry_due = False
        self._in_outage = False
        self._failures = 0

    def on_start(self) -> None:
        config = self._context.config
        opened = self._open()
        self._tell_notes(opened.notes)
        self._book = opened.book
        self._keeper = BookKeeper(opened.store, self.runtime.now)
        self._book.add_private_ids([NodeID(peer_id) for peer_id in config.p2p.private_peer_ids])
        self._book.misbehaviour.trust(config.p2p.unconditional_peer_ids, config.p2p.persistent_peers)
        self._book.add_our_id(self._context.node_id)
        for own in own_addresses(self._context):
            self._book.add_our_address(own)
        if config.peerage.cluster:
            self._book.replica.visit(nobody(time.time() + HOLD_S))
        self._tell_doors(BansChanged(self._book.bans.published(), whole=True))
        self._count()
        self._begin_with(config)
        self._metrics.gauge("p2p_address_book_outage", (), lambda: float(self._in_outage))
        self._look()

    def _begin_with(self, config: Config) -> None:
        """Put the bootstrap peers into the book, each time that it starts."""
        self._bootstrap = BootstrapPeers(
            config.peerage.bootstrap_peers if config.p2p.pex else (),
            self._context.node_id,
            NameLookups(),
            call_threadsafe=self.runtime.call_threadsafe,
            call_later=self.runtime.call_later,
            take=self._take_given,
        )
        self._bootstrap.start()

    def _take_given(self, addresses: Sequence[NetAddress]) -> None:
        for reason, left in self._book.curation.add_given(addresses).left_out.items():
            log.warning("bootstrap peers refused", why=reason, count=left.count, examples=left.examples)
        self._schedule_commit()

    def _open(self) -> Opened:
        """The book; in memory alone, if a book that is restarted finds no place to write.

        Raises: StoreVersionError.
        """
        config = self._context.config
        settings: dict[str, Any] = {
            "clock": time.time,
            "rng": random.Random(),  # noqa: S311 - draws from a book; its key comes from the operating system
            "strict": config.p2p.addr_book_strict,
            "import_from": config.addr_book_path,
            "improvements": improvements_of(config),
        }
        try:
            return open_book(config.home.addrbook_store, **settings)
        except StoreVersionError:
            raise
        except StoreError:  # why, is said by the first try to write
            return open_later(config.home.addrbook_store, **settings)

    def on_stop(self) -> None:
        self._bootstrap.close()
        stored = self._keeper.keep(self._book.drain(), at_once=True)
        self._metrics.send()
        self._events.flush()
        undone = [] if stored else [f"{self._keeper.waiting} rows are not written, {self._keeper.outage}"]
        file = self._context.config.addr_book_path
        try:
            save_book(file, self._book)
        except OSError as error:
            if error.errno in NO_PLACE:
                log.warning("address book not exported", file=str(file), cause=str(error))
            else:
                undone.append(f"{file} is not written, {error.strerror or error}")
        self._keeper.close()
        if undone:
            raise StopIncompleteError("; ".join(undone))

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Charge):
            self._charge(message)
            return None
        if isinstance(message, Trust):
            self._book.misbehaviour.trust(message.ids, message.addresses)
            return None
        if isinstance(message, CountAddresses):
            return self._book.statistics().size
        if not isinstance(message, BookCall):
            return None
        reply = self.runtime.defer()
        try:
            answer = message.perform(self._book)
        except DiscoveryError as error:
            reply.set_exception(error)
            return None
        if message.method is Misbehaviour.forgive:
            self._forgiven.add(normal_subject(message.args[0]))
            if self._context.config.peerage.cluster:
                self._book.replica.pardon(message.args[0])
        self._unanswered.append((reply, message.is_order, answer, self.runtime.deadline))
        self._schedule_commit()
        return None

    def _charge(self, message: Charge) -> None:
        """Count an offence. Points alone are written with the next change, a second later at most: strangers cause them."""
        bans = self._book.misbehaviour.charge(
            message.offence, message.id, parse_ip(message.ip) if message.ip else None
        )
        self._ban_report.offended(message.offence)
        for ban in bans:
            self._ban_report.banned(ban)
            self._schedule_commit()

    def _schedule_commit(self) -> None:
        if not self._commit_due:
            self._commit_due = True
            self.runtime.at_end_of_turn(self._commit)

    def _commit(self) -> None:
        """An answer is a promise: what it acknowledges survives a kill from here on."""
        self._commit_due = False
        changes = self._book.drain()
        stored = self._keeper.keep(changes)
        self._tell_notes(self._keeper.take_notes())
        self._report_outage()
        if changes:
            self._count()
        if changes.banned or changes.lifted:  # whoever is banned is kept out, be it in memory only
            bans = tuple(replace(ban, entry=None) for ban in changes.banned)
            self._tell_doors(BansChanged(bans, changes.lifted))
            tell_of_bans(self._events, bans)
            tell_of_unbans(self._events, self._forgiven.intersection(changes.lifted))
        self._forgiven.clear()
        if stored:
            self._held.release()
        unanswered, self._unanswered = self._unanswered, []
        for reply, is_order, answer, left in unanswered:
            if stored or not is_order:
                reply.set(answer)
            elif reply.is_awaited:
                self._held.hold(reply, answer, self.runtime.now(), left)
        if self._keeper.outage is not None:
            self._held.refuse_overdue(self.runtime.now(), self._keeper.outage)
            if not self._retry_due:
                self._retry_due = True
                self.runtime.call_later(self._keeper.pause, self._retry)

    def _retry(self) -> None:
        self._retry_due = False
        self._commit()

    def _look(self) -> None:
        """See whether the file is still there, also while there is nothing to write."""
        self.runtime.call_later(LOOK_S, self._look)
        self._commit()

    def _report_outage(self) -> None:
        """Say once that nothing can be written, and once that it is over."""
        keeper, file = self._keeper, str(self._context.config.home.addrbook_store)
        outage = keeper.outage
        if outage is not None and not self._in_outage:
            log.error(
                "address book cannot be written, it goes on in memory until it can",
                file=file,
                cause=outage.reason,
            )
        elif outage is None and self._in_outage:
            seconds = round(self.runtime.now() - keeper.since, 1)
            log.warning("address book is written again", file=file, seconds=seconds, waited=len(self._held))
        self._in_outage = outage is not None
        if self._metrics.is_on and keeper.failures > self._failures:
            failures = keeper.failures - self._failures
            self._metrics.buffer.inc("p2p_address_book_write_failures_total", (), failures)
        self._failures = keeper.failures

    @staticmethod
    def _tell_notes(notes: tuple[str, ...]) -> None:
        for note in notes:
            log.warning("address book", note=note)

    def _tell_doors(self, message: BansChanged) -> None:
        names = self._context.names
        doors = [names.switch, *names.transports]
        if self._context.answers_seed_requests:
            doors.append(names.reactor(self._context.routes[PEX_CHANNEL]))
        for door in doors:  # at the start of a node nobody is there yet
            door.tell(message, if_there=True)

    def _count(self) -> None:
        if self._metrics.is_on:
            counts = self._book.statistics()
            for kind in ("new", "old", "verified", "incompatible", "banned"):
                self._metrics.buffer.set("p2p_addresses", (kind,), float(getattr(counts, kind)))


def improvements_of(config: Config) -> Improvements:
    """What the operator left switched on."""
    return Improvements(**{each.name: getattr(config.peerage, each.name) for each in fields(Improvements)})


def own_address(context: NodeContext) -> NetAddress | None:
    """Ourselves, as far as our NodeInfo names an IP."""
    return self_reported(context.node_id, context.node_info.listen_addr)


def own_addresses(context: NodeContext) -> list[NetAddress]:
    """The same of all that we tell, with what peers of another IP family are told."""
    infos = context.node_info, *context.other_infos
    found = (self_reported(context.node_id, info.listen_addr) for info in infos)
    return [address for address in found if address is not None]


def self_reported(peer_id: str, listen_addr: str) -> NetAddress | None:
    """The address a node reports of itself; None when it is no IP and port (names are not looked up)."""
    try:
        return NetAddress.parse(f"{peer_id}@{listen_addr.rpartition('://')[2]}", no_names)
    except WireError:
        return None


def book_is_empty(config: Config) -> bool:
    """Whether a node with this configuration begins with no address at all. Raises: StoreError."""
    opened = (
        open_book(
            config.home.addrbook_store,
            clock=time.time,
            rng=random.Random(),  # noqa: S311 - nothing is drawn
            strict=config.p2p.addr_book_strict,
            import_from=config.addr_book_path,
        )
        if config.home.addrbook_store.exists() or config.addr_book_path.exists()
        else None
    )
    if opened is None:
        return True
    try:
        return not len(opened.book)
    finally:
        opened.store.close()
