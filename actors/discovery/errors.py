"""The errors of `peerage.actors.discovery`.

    DiscoveryError
    ├── AddressRefusedError         the book does not take an address; `reason` is a short label for metrics
    │   ├── AddressMissingError     no address, or no source
    │   ├── AddressUnfitError       no valid node ID or IP
    │   ├── AddressBannedError
    │   ├── AddressPrivateError     we must not tell others this ID
    │   ├── SourcePrivateError      it was told by a peer that others must not know of
    │   ├── OwnAddressError
    │   └── AddressNotRoutableError
    ├── BanSubjectError             neither a node ID nor an IP address or network
    ├── BookFileError               an addrbook.json that would crash CometBFT
    │   └── BookEntryError          an entry that leads to no node; the rest of the file can still be used
    ├── StoreError                  the database cannot be used
    │   ├── StoreVersionError       a later version of this program wrote it
    │   └── StoreInUseError         another process has it open
    ├── JournalError                a survey's journal cannot be written
    │   ├── JournalContentError     the file is not a journal, or is damaged
    │   └── JournalInUseError       another survey writes it
    └── SeedError                   a configured seed cannot be used, or none of them can

The errors of an address are listed in the order in which the book checks for them (reference 9). All errors keep their
details as attributes and survive pickling.
"""

from __future__ import annotations

from typing import ClassVar

from peerage.wire.net_address import NetAddress
from peerage.wire.remote_text import quoted, shown


class DiscoveryError(Exception):
    """Base class: something went wrong while finding peers."""


class AddressRefusedError(DiscoveryError):
    """The address book does not take this address."""

    reason: ClassVar[str] = "refused"
    text: ClassVar[str] = "refused"

    def __init__(self, address: NetAddress | None) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return f"{shown(str(self.address))}: {self.text}"


class AddressMissingError(AddressRefusedError):
    """The address is missing, or the source that told it."""

    reason = "missing"
    text = "an address and its source are needed"


class AddressUnfitError(AddressRefusedError):
    """No node can be at this address: its ID or IP is invalid. `__cause__` is the rule that it breaks."""

    reason = "invalid"
    text = "invalid node ID or IP address"


class AddressBannedError(AddressRefusedError):
    """The ID or the IP is banned, or its ban has expired and it has not been reinstated yet."""

    reason = "banned"
    text = "banned"


class AddressPrivateError(AddressRefusedError):
    """The ID is one of the private ones: its address must not spread."""

    reason = "private"
    text = "the ID is private"


class SourcePrivateError(AddressRefusedError):
    """A private peer told it: what only such a peer knows must not spread."""

    reason = "private source"
    text = "the ID of its source is private"


class OwnAddressError(AddressRefusedError):
    """It leads to ourselves."""

    reason = "self"
    text = "this is ourselves"


class AddressNotRoutableError(AddressRefusedError):
    """It cannot be reached from anywhere, and the book is strict about that."""

    reason = "not routable"
    text = "not routable"


class BanSubjectError(DiscoveryError):
    """The text that was to be banned is neither a node ID nor an IP address or network."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f"{quoted(self.text)} is neither a node ID (40 hexadecimal characters) nor an IP address or network"


class BookFileError(DiscoveryError):
    """A text that is not CometBFT's address book file."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"not an address book: {shown(self.reason)}"


class BookEntryError(BookFileError):
    """CometBFT reads this entry, but it leads to no node. `label` is the name it is counted under."""

    def __init__(self, reason: str, label: str) -> None:
        DiscoveryError.__init__(self, reason, label)
        self.reason = reason
        self.label = label


class StoreError(DiscoveryError):
    """The address book's database cannot be opened or written, for a reason other than its content."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"address book {self.path}: {self.reason}"


class StoreVersionError(StoreError):
    """A later version of this program wrote the database. It is left as it is."""

    def __init__(self, path: str, found: int, known: int) -> None:
        DiscoveryError.__init__(self, path, found, known)
        self.path = path
        self.reason = f"its schema is version {found}, this program knows versions up to {known}"
        self.found = found
        self.known = known


class StoreInUseError(StoreError):
    """Another process has the database open. Only one may write to it."""

    def __init__(self, path: str) -> None:
        DiscoveryError.__init__(self, path)
        self.path = path
        self.reason = "another process has it open"


class JournalError(DiscoveryError):
    """A survey's journal cannot be used."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class JournalContentError(JournalError):
    """The file is not the journal of a survey, or it is damaged."""


class JournalInUseError(JournalError):
    """Another survey is writing it."""

    def __init__(self, path: str) -> None:
        DiscoveryError.__init__(self, path)
        self.path = path
        self.reason = "another survey is writing it"


class SeedError(DiscoveryError):
    """A configured seed is not an address; or no seed can be resolved and the address book is empty.

    `faults` holds a pair (seed as configured, what is wrong with it) for each.
    """

    def __init__(self, what: str, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(what, faults)
        self.what = what
        self.faults = faults

    def __str__(self) -> str:
        return f"{self.what}: " + "; ".join(f"{seed}: {fault}" for seed, fault in self.faults)
