"""Whom to know: address book, peer exchange, peer manager.

Plain classes that a clock and a random source drive; the actors around them do what they say. Only the store
touches a file.
"""

from peerage.discovery.addrbook import Added, AddrBook, BookStatistics, Offer, Outcome
from peerage.discovery.addrbook_json import BookFile, load_file, read_book, save_book, write_book
from peerage.discovery.backoff import DialBackoff, Verdict
from peerage.discovery.bans import Ban, BanList
from peerage.discovery.buckets import BookShape
from peerage.discovery.crawl import Crawler, Stay
from peerage.discovery.errors import (
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
from peerage.discovery.facts import Fact, FactKind
from peerage.discovery.group_rate import GroupRate
from peerage.discovery.improvements import COMETBFT_RULES, Improvements
from peerage.discovery.journal import Changes
from peerage.discovery.known_address import Kind, KnownAddress, Standing
from peerage.discovery.network_map import Link, MappedNode, NetworkMap, Status, Told
from peerage.discovery.peer_manager import Connected, PeerManager, Plan, Round
from peerage.discovery.pex import Answer, Ignore, Learned, PeerExchange, StopPeer
from peerage.discovery.request_rate import RequestRate
from peerage.discovery.seeds import Resolved, SeedList
from peerage.discovery.store import BookStore, Opened, Snapshot, open_book, read_snapshot
from peerage.discovery.survey import Survey
from peerage.discovery.survey_journal import Beginning, Journal
from peerage.discovery.visit import Errand, Fault, Visited

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
    "NetworkMap",
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
