"""Whom to know: address book, peer exchange, peer manager.

Plain classes that are given a clock and a random source. They decide, and the actors around them act on it. Only the
store touches a file.

Names are imported when they are first used: a node needs the crawler's survey as little as a crawler needs the book.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peerage.actors.discovery.book.additions import Added, Outcome
    from peerage.actors.discovery.book.addrbook import AddrBook, BookStatistics
    from peerage.actors.discovery.book.addrbook_json import (
        BookFile,
        load_file,
        read_book,
        save_book,
        write_book,
    )
    from peerage.actors.discovery.book.bans import Ban, BanList
    from peerage.actors.discovery.book.buckets import BookShape
    from peerage.actors.discovery.book.changes import Changes
    from peerage.actors.discovery.book.choosing import Offer
    from peerage.actors.discovery.book.facts import Fact, FactKind
    from peerage.actors.discovery.book.known_address import Kind, KnownAddress, Standing
    from peerage.actors.discovery.book.misbehaviour import Misbehaviour, Offender
    from peerage.actors.discovery.book.offences import Offence
    from peerage.actors.discovery.book.opening import Opened, Snapshot, open_book, read_snapshot
    from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
    from peerage.actors.discovery.book.store import BookStore
    from peerage.actors.discovery.errors import (
        AddressBannedError,
        AddressMissingError,
        AddressNotRoutableError,
        AddressPrivateError,
        AddressRefusedError,
        AddressUnfitError,
        BanSubjectError,
        BookFileError,
        DiscoveryError,
        JournalContentError,
        JournalError,
        JournalInUseError,
        OwnAddressError,
        SeedError,
        SourcePrivateError,
        StoreError,
        StoreInUseError,
        StoreVersionError,
    )
    from peerage.actors.discovery.manager.backoff import DialBackoff, Verdict
    from peerage.actors.discovery.manager.exchange import Answer, Ignore, Learned, PeerExchange, StopPeer
    from peerage.actors.discovery.manager.group_rate import GroupRate
    from peerage.actors.discovery.manager.peer_manager import Connected, PeerManager, Plan, Round
    from peerage.actors.discovery.manager.request_rate import RequestRate
    from peerage.actors.discovery.manager.seed_crawl import Crawler, Stay
    from peerage.actors.discovery.manager.seeds import Resolved, SeedList
    from peerage.actors.discovery.survey.journal import Beginning, Journal
    from peerage.actors.discovery.survey.network_map import Link, MappedNode, NetworkMap, Status, Told
    from peerage.actors.discovery.survey.survey import Survey
    from peerage.actors.discovery.survey.visit import Errand, Fault, Visited

__all__ = [
    "COMETBFT_RULES",
    "Added",
    "AddrBook",
    "AddressBannedError",
    "AddressMissingError",
    "AddressNotRoutableError",
    "AddressPrivateError",
    "AddressRefusedError",
    "AddressUnfitError",
    "Answer",
    "Ban",
    "BanList",
    "BanSubjectError",
    "Beginning",
    "BookFile",
    "BookFileError",
    "BookShape",
    "BookStatistics",
    "BookStore",
    "Changes",
    "Connected",
    "Crawler",
    "DialBackoff",
    "DiscoveryError",
    "Errand",
    "Fact",
    "FactKind",
    "Fault",
    "GroupRate",
    "Ignore",
    "Improvements",
    "Journal",
    "JournalContentError",
    "JournalError",
    "JournalInUseError",
    "Kind",
    "KnownAddress",
    "Learned",
    "Link",
    "MappedNode",
    "Misbehaviour",
    "NetworkMap",
    "Offence",
    "Offender",
    "Offer",
    "Opened",
    "Outcome",
    "OwnAddressError",
    "PeerExchange",
    "PeerManager",
    "Plan",
    "RequestRate",
    "Resolved",
    "Round",
    "SeedError",
    "SeedList",
    "Snapshot",
    "SourcePrivateError",
    "Standing",
    "Status",
    "Stay",
    "StopPeer",
    "StoreError",
    "StoreInUseError",
    "StoreVersionError",
    "Survey",
    "Told",
    "Verdict",
    "Visited",
    "load_file",
    "open_book",
    "read_book",
    "read_snapshot",
    "save_book",
    "write_book",
]

_HOMES = {
    ".book.additions": (
        "Added",
        "Outcome",
    ),
    ".book.addrbook": (
        "AddrBook",
        "BookStatistics",
    ),
    ".book.addrbook_json": (
        "BookFile",
        "load_file",
        "read_book",
        "save_book",
        "write_book",
    ),
    ".book.bans": (
        "Ban",
        "BanList",
    ),
    ".book.buckets": ("BookShape",),
    ".book.changes": ("Changes",),
    ".book.choosing": ("Offer",),
    ".book.facts": (
        "Fact",
        "FactKind",
    ),
    ".book.known_address": (
        "Kind",
        "KnownAddress",
        "Standing",
    ),
    ".book.misbehaviour": (
        "Misbehaviour",
        "Offender",
    ),
    ".book.offences": ("Offence",),
    ".book.opening": (
        "Opened",
        "Snapshot",
        "open_book",
        "read_snapshot",
    ),
    ".book.policies": (
        "COMETBFT_RULES",
        "Improvements",
    ),
    ".book.store": ("BookStore",),
    ".errors": (
        "AddressBannedError",
        "AddressMissingError",
        "AddressNotRoutableError",
        "AddressPrivateError",
        "AddressRefusedError",
        "AddressUnfitError",
        "BanSubjectError",
        "BookFileError",
        "DiscoveryError",
        "JournalContentError",
        "JournalError",
        "JournalInUseError",
        "OwnAddressError",
        "SeedError",
        "SourcePrivateError",
        "StoreError",
        "StoreInUseError",
        "StoreVersionError",
    ),
    ".manager.backoff": (
        "DialBackoff",
        "Verdict",
    ),
    ".manager.exchange": (
        "Answer",
        "Ignore",
        "Learned",
        "PeerExchange",
        "StopPeer",
    ),
    ".manager.group_rate": ("GroupRate",),
    ".manager.peer_manager": (
        "Connected",
        "PeerManager",
        "Plan",
        "Round",
    ),
    ".manager.request_rate": ("RequestRate",),
    ".manager.seed_crawl": (
        "Crawler",
        "Stay",
    ),
    ".manager.seeds": (
        "Resolved",
        "SeedList",
    ),
    ".survey.journal": (
        "Beginning",
        "Journal",
    ),
    ".survey.network_map": (
        "Link",
        "MappedNode",
        "NetworkMap",
        "Status",
        "Told",
    ),
    ".survey.survey": ("Survey",),
    ".survey.visit": (
        "Errand",
        "Fault",
        "Visited",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
