"""Texts and values that are not usable net addresses."""

from __future__ import annotations

import re

from peerage.wire.errors.base import WireError
from peerage.wire.remote_text import QUOTED, quoted, shown

ADDRESS = 120  # how many characters of an address are shown
DETAIL = 60  # and how many of the part of it that is wrong
_HEX = frozenset("0123456789abcdefABCDEF")
_ID_CHARACTERS = 40
_GNO_ID = re.compile(r"g1[02-9ac-hj-np-z]{38}")


class AddressError(WireError):
    """A text or value is not a usable net address. Whose fault that is depends on where it came from.

    `temporary` is true for a name that may resolve later: such an address is worth another try. `problem` says what is
    wrong without repeating the address, for callers that have shown it already.
    """

    temporary = False
    text = ""

    @property
    def problem(self) -> str:
        """What is wrong, in words."""
        return "this is no usable net address"

    def __str__(self) -> str:
        return f"{quoted(self.text, ADDRESS)}: {self.problem}"


class AddressMissingIDError(AddressError):
    """There is not exactly one @ after the scheme."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def problem(self) -> str:
        count = self.text.count("@")
        before, scheme, _ = self.text.partition("://")
        if scheme and "@" in before:
            return "the ID stands in front of the scheme, expected tcp://ID@host:port"
        if count > 1:
            return f"there are {count} @, expected ID@host:port; commas stand between addresses"
        return "there is no node ID, expected ID@host:port"


class AddressLookupError(AddressError):
    """The host is not an IP address and does not resolve, or it looks like an IP address and is none."""

    temporary = True

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(host, reason)
        self.host = host
        self.reason = reason

    @property
    def problem(self) -> str:
        return f"host {quoted(self.host, ADDRESS)} was not found: {shown(self.reason, QUOTED)}"

    def __str__(self) -> str:
        return self.problem


class AddressInvalidError(AddressError):
    """The address is wrong and will stay so. Parent of the errors that say why."""


class AddressIDError(AddressInvalidError):
    """The ID is not 40 hexadecimal characters."""

    def __init__(self, text: str, node_id: str) -> None:
        super().__init__(text, node_id)
        self.text = text
        self.node_id = node_id

    @property
    def problem(self) -> str:
        if not self.node_id:
            return "there is nothing before the @, expected ID@host:port"
        if _GNO_ID.fullmatch(self.node_id):
            return f"ID {quoted(self.node_id, DETAIL)} is one of gno.land, whose nodes speak another protocol"
        if set(self.node_id) <= _HEX and len(self.node_id) != _ID_CHARACTERS:
            found = f"it has {len(self.node_id)}"
        else:
            odd = next((character for character in self.node_id if character not in _HEX), "")
            found = f"there is {odd!r} in it"
        return f"ID {quoted(self.node_id, DETAIL)} is not 40 hexadecimal characters: {found}"


class AddressHostError(AddressInvalidError):
    """The host is empty, or its brackets and colons do not match."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text, reason)
        self.text = text
        self.reason = reason

    @property
    def problem(self) -> str:
        return shown(self.reason, QUOTED)


class AddressPortError(AddressInvalidError):
    """The port is missing or not in 0..65535 in plain digits."""

    def __init__(self, text: str, port: str) -> None:
        super().__init__(text, port)
        self.text = text
        self.port = port

    @property
    def problem(self) -> str:
        if not self.port:
            return "the port is missing"
        return f"port {quoted(self.port, DETAIL)} is not a number from 0 to 65535"


class AddressIPError(AddressInvalidError):
    """Nobody can have this IP address: it is unspecified, 255.255.255.255, or reserved for documentation."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    @property
    def problem(self) -> str:
        return "nobody can have this IP address"
