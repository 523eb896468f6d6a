"""Which methods of a book other processes may call, and on which part of the book.

A caller names a method itself (`AddrBook.mark_good`, `DialChooser.offer`), so that a type checker sees its arguments
and its answer, and a text that comes from elsewhere can call nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, TypeAlias

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.curation import Curation
from peerage.actors.discovery.book.facts import FactList
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.discovery.book.overview import Overview
from peerage.actors.discovery.book.replica import Replica

Method: TypeAlias = Callable[..., Any]


def _book(book: AddrBook) -> AddrBook:
    return book


_answers, _anchors, _bad_peers, _bans, _curation, _dials, _facts, _misbehaviour, _overview, _replica = map(
    attrgetter,
    (
        "answers",
        "anchors",
        "bad_peers",
        "bans",
        "curation",
        "dials",
        "facts",
        "misbehaviour",
        "overview",
        "replica",
    ),
)

# method → the part of the book that it is called on

QUESTIONS: Mapping[Method, Callable[[AddrBook], Any]] = {
    AddrBook.has: _book,
    AddrBook.is_good: _book,
    AddrBook.statistics: _book,
    AnswerChooser.message: _answers,
    AnswerChooser.selection: _answers,
    BanList.holds: _bans,
    BanList.published: _bans,
    DialChooser.due: _dials,
    DialChooser.due_address: _dials,
    DialChooser.feeler: _dials,
    DialChooser.needs_more: _dials,
    DialChooser.offer: _dials,
    FactList.all: _facts,
    Misbehaviour.offenders: _misbehaviour,
    Overview.now: _overview,
}
"""Their answers promise nothing, and wait for no disk."""

ORDERS: Mapping[Method, Callable[[AddrBook], Any]] = {
    AddrBook.add: _book,
    AddrBook.add_all: _book,
    AddrBook.add_each: _book,
    AddrBook.add_our_address: _book,
    AddrBook.add_private_ids: _book,
    AddrBook.mark_attempt: _book,
    AddrBook.mark_good: _book,
    AddrBook.mark_incompatible: _book,
    AddrBook.merge: _book,
    Anchors.remember: _anchors,
    BadPeers.ban: _bad_peers,
    BadPeers.give_up: _bad_peers,
    BadPeers.reinstate: _bad_peers,
    Curation.add_given: _curation,
    Curation.remove_all: _curation,
    Curation.unite: _curation,
    FactList.keep: _facts,
    Misbehaviour.forgive: _misbehaviour,
    Replica.adopt: _replica,
    Replica.news: _replica,
    Replica.visit: _replica,
}
"""Their answers say that it is done, for good. Each may be called twice with the same effect."""

_PART_OF: Mapping[Method, Callable[[AddrBook], Any]] = {**QUESTIONS, **ORDERS}


def perform(book: AddrBook, method: Method, /, *args: Any, **kwargs: Any) -> Any:
    """Call a method of a book or of one of its parts.

    Raises: AttributeError, when it is not among QUESTIONS and ORDERS; what the method raises.
    """
    part = _PART_OF.get(method)
    if part is None:
        raise AttributeError(method.__qualname__)
    return method(part(book), *args, **kwargs)


@dataclass(frozen=True, slots=True)
class BookCall:
    """One call of a method of a book or of one of its parts."""

    method: Method
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The method's name, for logs."""
        return self.method.__qualname__

    @property
    def is_order(self) -> bool:
        """Whether the answer promises that something is done."""
        return self.method in ORDERS

    def perform(self, book: AddrBook) -> Any:
        """Call the method, as `perform` does."""
        return perform(book, self.method, *self.args, **self.kwargs)
