"""The address book's actor: one writer, and an answer only when what it says is on disk."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import structlog

from peerage.actors.context import NodeContext
from peerage.actors.messages import BansChanged
from peerage.actors.metrics_reporter import MetricsReporter
from peerage.actors.runtime import ActorContext, ActorDeadError, ActorRef, Future, ProcessActor, Reply
from peerage.config import Config
from peerage.discovery.addrbook import AddrBook
from peerage.discovery.addrbook_json import save_book
from peerage.discovery.errors import DiscoveryError
from peerage.discovery.improvements import Improvements
from peerage.discovery.store import BookStore, open_book
from peerage.wire.errors import WireError
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress, no_names
from peerage.wire.pex import PEX_CHANNEL

__all__ = ["AddrBookActor", "AddressBook", "BookCall", "book_is_empty", "improvements_of"]

log = structlog.get_logger("peerage.addrbook")

RETRY_S = 0.02  # between two tries to reach a book that is being restarted
PATIENCE_S = (
    30.0  # callers wait, none fails (design 3): also while a book that hangs is noticed (probe_timeout)
)

METHODS = frozenset(
    {
        "add",
        "add_all",
        "add_each",
        "add_our_address",
        "add_private_ids",
        "answer",
        "ban",
        "due",
        "due_address",
        "feeler",
        "get",
        "give_up",
        "has",
        "is_banned",
        "is_good",
        "keep",
        "mark_attempt",
        "mark_bad",
        "mark_good",
        "mark_incompatible",
        "offer",
        "pick",
        "recall",
        "reinstate_bad_peers",
        "remove",
        "selection",
        "selection_with_bias",
        "set_anchors",
        "shut_out",
        "statistics",
    }
)
PROPERTIES = frozenset({"is_empty", "needs_more"})


@dataclass(frozen=True, slots=True)
class BookCall:
    """One call of a method, or one look at a property, of discovery's AddrBook."""

    method: str
    args: tuple[Any, ...] = ()


class AddrBookActor(ProcessActor):
    """Answers BookCall; the calls of one loop turn are one transaction, and are answered behind it.

    Who keeps whom out is told: everything at the start, then each change once it is on disk.
    """

    def __init__(self) -> None:
        super().__init__()
        context = self.runtime.extra
        assert isinstance(context, NodeContext)
        self._context = context
        self._metrics = MetricsReporter(self.runtime, context, self.actor_urn)
        self._book: AddrBook
        self._store: BookStore
        self._unanswered: list[tuple[Reply, Any]] = []
        self._commit_due = False

    def on_start(self) -> None:
        config = self._context.config
        config.home.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = open_book(
            config.home.addrbook_store,
            clock=time.time,
            rng=random.Random(),  # noqa: S311 - draws from a book; its key comes from the operating system
            strict=config.p2p.addr_book_strict,
            import_from=config.addr_book_path,
            improvements=improvements_of(config),
        )
        for note in opened.notes:
            log.warning("address book", note=note)
        self._book, self._store = opened.book, opened.store
        self._book.add_private_ids([NodeID(peer_id) for peer_id in config.p2p.private_peer_ids])
        self._book.add_our_id(self._context.node_id)
        own = own_address(self._context)
        if own is not None:
            self._book.add_our_address(own)
        self._tell_doors(BansChanged(self._book.shut_out(), whole=True))
        self._count()

    def on_stop(self) -> None:
        self._commit()
        self._metrics.send()
        try:
            save_book(self._context.config.addr_book_path, self._book)
        except OSError as error:
            log.warning(
                "address book not exported", file=str(self._context.config.addr_book_path), cause=str(error)
            )
        self._store.close()

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, BookCall):
            return None
        if message.method in PROPERTIES:
            return getattr(self._book, message.method)
        if message.method not in METHODS:
            raise AttributeError(message.method)
        reply = self.runtime.defer()
        try:
            answer = getattr(self._book, message.method)(*message.args)
        except DiscoveryError as error:
            reply.set_exception(error)
            return None
        self._unanswered.append((reply, answer))
        if not self._commit_due:
            self._commit_due = True
            self.runtime.at_end_of_turn(self._commit)
        return None

    def _commit(self) -> None:
        """An answer is a promise: what it acknowledges survives a kill from here on."""
        self._commit_due = False
        changes = self._book.drain()
        if changes:
            self._store.apply(changes)
            self._count()
        if changes.banned or changes.lifted:
            bans = tuple(replace(ban, entry=None) for ban in changes.banned)
            self._tell_doors(BansChanged(bans, changes.lifted))
        unanswered, self._unanswered = self._unanswered, []
        for reply, answer in unanswered:
            reply.set(answer)

    def _tell_doors(self, message: BansChanged) -> None:
        # Asks, for at the start of a node there is nobody yet: those are no dead letters.
        names = self._context.names
        names.switch.ask(message, block=False)
        if self._context.answers_callers:
            names.reactor(self._context.routes[PEX_CHANNEL]).ask(message, block=False)
        for transport in names.transports:
            transport.ask(message, block=False)

    def _count(self) -> None:
        if self._metrics.is_on:
            counts = self._book.statistics()
            for kind in ("new", "old", "verified", "incompatible", "banned"):
                self._metrics.buffer.set("p2p_addresses", (kind,), float(getattr(counts, kind)))


class AddressBook:
    """The book as other actors call it: `book.call("add", address, source)` waits while the book restarts.

    Args: ref, of the AddrBookActor.
    """

    def __init__(self, ref: ActorRef[AddrBookActor]) -> None:
        self._ref = ref

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of discovery's AddrBook and wait for its answer.

        Every method may be called twice with the same effect, so that a call whose answer was lost is repeated.

        Raises: what the method raises; ActorDeadError when the book stays away for 30 s.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._ref.ask(BookCall(method, args), timeout=PATIENCE_S)
            except ActorDeadError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY_S)

    def request(
        self, runtime: ActorContext, method: str, *args: Any, then: Callable[[Any], None] | None = None
    ) -> None:
        """As `call`, for an actor that has more to do than to wait: `then(answer)` is called as that actor.

        A call whose answer was lost is repeated; after 30 s without a book it is given up, and `then` not called.
        """
        self._request(runtime, BookCall(method, args), then, runtime.now() + PATIENCE_S)

    def _request(
        self, runtime: ActorContext, call: BookCall, then: Callable[[Any], None] | None, deadline: float
    ) -> None:
        def answered(future: Future[Any]) -> None:
            try:
                answer = future.get(timeout=0)
            except ActorDeadError:
                if runtime.now() < deadline:
                    runtime.call_later(RETRY_S, partial(self._request, runtime, call, then, deadline))
                else:
                    log.warning("address book does not come back", call=call.method)
                return
            if then is not None:
                then(answer)

        self._ref.ask(call, block=False).then(answered)

    def tell(self, method: str, *args: Any) -> None:
        """Call without waiting, or knowing whether it happened."""
        self._ref.tell(BookCall(method, args))


def improvements_of(config: Config) -> Improvements:
    """What the operator left switched on."""
    return Improvements(**{each.name: getattr(config.peerage, each.name) for each in fields(Improvements)})


def own_address(context: NodeContext) -> NetAddress | None:
    """Ourselves, as far as our NodeInfo names an IP."""
    return self_reported(context.node_id, context.node_info.listen_addr)


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
        return bool(opened.book.is_empty)
    finally:
        opened.store.close()
