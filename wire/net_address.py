"""Net addresses: where a node can be reached, and who must answer there, written ID@host:port."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from peerage.wire.errors import (
    AddressError,
    AddressHostError,
    AddressIDError,
    AddressIPError,
    AddressLookupError,
    AddressMissingIDError,
    AddressPortError,
)
from peerage.wire.ip_ranges import IPAddress, group_of, is_local, is_routable, is_usable, normal, parse_ip
from peerage.wire.keys import NodeID, is_node_id, normal_id

__all__ = [
    "AddressError",
    "AddressHostError",
    "AddressIDError",
    "AddressIPError",
    "AddressLookupError",
    "AddressMissingIDError",
    "AddressPortError",
    "NetAddress",
    "Resolve",
    "id_at",
    "id_in",
    "is_host",
    "join_host_port",
    "name_in",
    "no_names",
    "parse_port",
    "split_host_port",
    "with_normal_id",
    "without_scheme",
]

Resolve = Callable[[str], Sequence[str]]
"""Returns the IP addresses of a name, the best first; an empty sequence or an OSError if it has none."""

MAX_PORT = 65535

_PORT = re.compile(r"[0-9]+")
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_MAX_NAME = 253
_SOME_IP = "192.0.2.1"  # in place of a name's, while the rest of an address is checked


def no_names(host: str) -> Sequence[str]:
    """A `Resolve` that knows no names: for addresses that must be IPs, and wherever we must not wait for a lookup."""
    raise OSError(f"names are not looked up here: {host}")


def split_host_port(text: str) -> tuple[str, str]:
    """Split host:port at the last colon; the brackets around an IPv6 host are removed.

    Returns: the host (may be empty) and the port as written (may be empty).
    Raises: AddressPortError (no colon), AddressHostError (brackets or colons that do not match).
    """
    colon = text.rfind(":")
    if colon < 0:
        raise AddressPortError(text, "")
    if text.startswith("["):
        close = text.find("]")
        if close < 0:
            raise AddressHostError(text, "the closing bracket is missing")
        if close + 1 != colon:
            if text[close + 1 : close + 2] == ":":
                raise AddressHostError(text, "too many colons")
            raise AddressPortError(text, "")
        host, rest = text[1:close], text[close + 1 :]
    else:
        host, rest = text[:colon], text[colon:]
        if ":" in host:
            raise AddressHostError(text, "too many colons: an IPv6 host goes into brackets")
    if "[" in host or "]" in host + rest or "[" in rest:
        raise AddressHostError(text, "unexpected bracket")
    return host, text[colon + 1 :]


def join_host_port(host: str, port: int) -> str:
    """host:port, the inverse of `split_host_port`: an IPv6 host is put into brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_port(text: str, port: str) -> int:
    """Read a port written in plain digits; leading zeros are allowed.

    Args: text, the whole address, for the error.
    Raises: AddressPortError.
    """
    if _PORT.fullmatch(port) is None or len(port.lstrip("0")) > len(str(MAX_PORT)) or int(port) > MAX_PORT:
        raise AddressPortError(text, port)
    return int(port)


def without_scheme(text: str) -> str:
    """The part between the first "://" and the next; the whole text if there is no "://"."""
    parts = text.split("://", 2)
    return parts[1] if len(parts) > 1 else text


@dataclass(frozen=True, slots=True, init=False)
class NetAddress:
    """A node's ID, IP address and port. Two are equal when all three are; upper case in an ID makes no difference.

    The ID may be empty (an address whose node is not known yet) or malformed: `validate` checks it.
    """

    id: NodeID
    host: IPAddress
    port: int

    def __init__(self, id: str, host: str | IPAddress, port: int) -> None:  # noqa: A002  # the field's name
        """An address from its parts.

        Args: host, an IP address, as text or parsed; its zone is dropped, and ::ffff:a.b.c.d becomes a.b.c.d.
        Raises: AddressHostError (not an IP address), AddressPortError (not in 0..65535).
        """
        try:
            ip = parse_ip(host) if isinstance(host, str) else normal(host)
        except ValueError:
            raise AddressHostError(str(host), "this is no IP address") from None
        if not 0 <= port <= MAX_PORT:
            raise AddressPortError(f"{id}@{host}", str(port))
        object.__setattr__(self, "id", normal_id(id))
        object.__setattr__(self, "host", ip)
        object.__setattr__(self, "port", port)

    @classmethod
    def parse(cls, text: str, resolve: Resolve = no_names) -> NetAddress:
        """Read an address written ID@host:port, with any scheme:// in front.

        Args: resolve, called if the host is a name instead of an IP address; the first of its answers is taken.
        Raises: AddressMissingIDError, AddressIDError, AddressHostError, AddressPortError; AddressLookupError when the
            host is neither an IP address nor a name that resolves, which may be temporary. The value of the port is
            checked last.
        Source: reference 1.
        """
        parts = without_scheme(text).split("@")
        if len(parts) != 2:
            raise AddressMissingIDError(text)
        node_id, where = parts
        if not is_node_id(node_id):
            raise AddressIDError(text, node_id)
        host, port = split_host_port(where)
        if not host:
            raise AddressHostError(text, "the host is empty")
        ip = _find(host, resolve)
        return cls(node_id, ip, parse_port(text, port))

    @classmethod
    def parse_all(
        cls, texts: Iterable[str], resolve: Resolve = no_names
    ) -> tuple[list[NetAddress], list[AddressError]]:
        """Read several addresses. Returns: those that parse, and the errors of the others, both in order."""
        addresses: list[NetAddress] = []
        errors: list[AddressError] = []
        for text in texts:
            try:
                addresses.append(cls.parse(text, resolve))
            except AddressError as error:
                errors.append(error)
        return addresses, errors

    def __str__(self) -> str:
        """ID@ip:port, or ip:port without an ID."""
        return f"{self.id}@{self.dial_string}" if self.id else self.dial_string

    @property
    def dial_string(self) -> str:
        """ip:port, with an IPv6 address in brackets."""
        return join_host_port(str(self.host), self.port)

    def same(self, other: NetAddress) -> bool:
        """Whether both lead to the same node: the same IP and port, or the same ID."""
        return (self.host, self.port) == (other.host, other.port) or (self.id != "" and self.id == other.id)

    def validate(self) -> None:
        """Raise unless a node can be there.

        Raises: AddressIDError, AddressIPError (unspecified, 255.255.255.255 or 2001:db8::/32).
        """
        if not is_node_id(self.id):
            raise AddressIDError(str(self), self.id)
        if not is_usable(self.host):
            raise AddressIPError(str(self))

    @property
    def valid(self) -> bool:
        """Whether `validate` raises nothing."""
        return is_node_id(self.id) and is_usable(self.host)

    @property
    def local(self) -> bool:
        """Whether the address is on this machine: loopback or 0.0.0.0/8."""
        return is_local(self.host)

    @property
    def routable(self) -> bool:
        """Whether the address is valid and reachable from anywhere."""
        return is_node_id(self.id) and is_routable(self.host)

    def group(self, *, strict: bool) -> str:
        """The group of addresses that the address book counts as a single source. Source: reference 9."""
        return group_of(self.host, strict=strict)


def id_in(text: str) -> NodeID:
    """The ID in the text of an address that may not parse: what stands before the @, without the scheme."""
    return normal_id(without_scheme(text).partition("@")[0])


def name_in(text: str) -> str | None:
    """The name that an address has for its host, None if it has an IP address there.

    Raises: AddressError, when the text is no address, whatever its name resolves to.
    """
    names: list[str] = []

    def note(name: str) -> Sequence[str]:
        names.append(name)
        return [_SOME_IP]

    NetAddress.parse(text, note)
    return names[0] if names else None


def with_normal_id(text: str) -> str:
    """The same text with its ID in lower case; a text without an ID is returned unchanged."""
    before, at, where = text.partition("@")
    scheme, separator, node_id = before.rpartition("://")
    return f"{scheme}{separator}{normal_id(node_id)}{at}{where}"


def id_at(node_id: str, listen_addr: str) -> str:
    """The text of an address, made from an ID and the place where that node says it listens, without the scheme."""
    return f"{node_id}@{without_scheme(listen_addr)}"


def is_host(text: str) -> bool:
    """Whether the text can be a host at all: an IP address, possibly with a zone, or something that may be a name."""
    return _literal(text) is not None or _is_name(text)


def _literal(host: str) -> IPAddress | None:
    """The IP address that the text spells out, without its zone; None if it is not one."""
    address, percent, zone = host.partition("%")
    try:
        if not percent or (":" in address and zone):
            return parse_ip(address)
    except ValueError:
        pass
    return None


def _find(host: str, resolve: Resolve) -> IPAddress:
    """The IP address that a host stands for."""
    ip = _literal(host)
    if ip is not None:
        return ip
    if not _is_name(host):
        raise AddressLookupError(host, "neither an IP address nor a name")
    try:
        found = resolve(host)
    except OSError as error:
        raise AddressLookupError(host, error.strerror or str(error)) from error
    if not found:
        raise AddressLookupError(host, "the name has no address")
    try:
        return parse_ip(found[0])
    except ValueError as error:
        raise AddressLookupError(host, f"the resolver answered {found[0]!r}") from error


def _is_name(host: str) -> bool:
    """Whether the host may be looked up. Not if it ends in a number: resolvers take "1.2.3" for 1.2.0.3."""
    name = host.removesuffix(".")
    labels = name.split(".")
    return (
        len(name) <= _MAX_NAME
        and all(_LABEL.fullmatch(label) for label in labels)
        and _NUMBER.fullmatch(labels[-1]) is None
    )
