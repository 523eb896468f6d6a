"""The errors of `peerage.actors.discovery`.

    DiscoveryError
    ├── AddressRefusedError         the book does not take an address; `reason` is a short label for metrics
    │   ├── AddressMissingError     no address, or no source
    │   ├── AddressUnfitError       no valid node ID or IP
    │   ├── AddressBannedError
    │   ├── AddressPrivateError     its ID may not be told to others
    │   ├── SourcePrivateError      who told it may not be known to others
    │   ├── OwnAddressError
    │   └── AddressNotRoutableError
    ├── BanSubjectError             neither a node ID nor an IP address or network
    ├── BookFileError               an addrbook.json that CometBFT would die of
    │   └── BookEntryError          an entry that leads to nobody: the rest of the file is none the worse
    ├── StoreError                  the database cannot be used
    │   ├── StoreVersionError       a later version of this program wrote it
    │   └── StoreInUseError         another process has it open
    ├── JournalError                a survey's journal cannot be written
    │   ├── JournalContentError     the file is none, or damaged
    │   └── JournalInUseError       another survey writes it
    └── SeedError                   a configured seed cannot be used, or none can

The errors of an address stand in the order in which the book looks for them (reference 9). All of them keep
their details as attributes and survive pickling.
"""

from __future__ import annotations

from typing import ClassVar

from peerage.wire.net_address import NetAddress
from peerage.wire.remote_text import quoted, shown


class DiscoveryError(Exception):
    """Anything that finding peers can fail of."""


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
    """There is no address, or nobody is named who told it."""

    reason = "missing"
    text = "an address and its source are needed"


class AddressUnfitError(AddressRefusedError):
    """Nobody can be at this address: its ID or IP is invalid. The rule it breaks is the cause."""

    reason = "invalid"
    text = "invalid node ID or IP address"


class AddressBannedError(AddressRefusedError):
    """The ID, or the IP, is banned; or was, and nobody has reinstated it yet."""

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
    """What shall be banned is neither a node ID nor an IP address or network."""

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
    """An entry that CometBFT reads, and that leads to nobody. `label`: what it is counted as."""

    def __init__(self, reason: str, label: str) -> None:
        DiscoveryError.__init__(self, reason, label)
        self.reason = reason
        self.label = label


class StoreError(DiscoveryError):
    """The address book's database cannot be opened or written, and that is not its content's fault."""

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
    """Another process has the database open, and nobody else may write meanwhile."""

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
    """The file is no journal of a survey, or damaged."""


class JournalInUseError(JournalError):
    """Another survey is writing it."""

    def __init__(self, path: str) -> None:
        DiscoveryError.__init__(self, path)
        self.path = path
        self.reason = "another survey is writing it"


class SeedError(DiscoveryError):
    """A configured seed is no address, or not one of them can be found and nobody else is known.

    `faults` holds a pair (seed as configured, what is wrong with it) for each.
    """

    def __init__(self, what: str, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__(what, faults)
        self.what = what
        self.faults = faults

    def __str__(self) -> str:
        return f"{self.what}: " + "; ".join(f"{seed}: {fault}" for seed, fault in self.faults)
