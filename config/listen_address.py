"""Listen addresses: `tcp://host:port`, `host:port`, `:port`, `unix:///path`."""

import ipaddress
from dataclasses import dataclass

from peerage.wire.net_address import is_host

MOST_PORT = 65535
AUTO = "auto"  # of p2p.external_address: the node finds out by itself


class ListenAddressError(ValueError):
    """The text is not a listen address; `problem` says why, without repeating the text."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text, problem)
        self.text, self.problem = text, problem

    def __str__(self) -> str:
        return f"{self.text!r}: {self.problem}"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A place to listen.

    scheme: "tcp" with host (empty: all interfaces) and port (0: any), or "unix" with a path.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Read an address as it is configured. Without a scheme it is tcp; IPv6 hosts are in brackets.

        Raises: ListenAddressError for other schemes, an impossible host, a missing port, a port outside 0..65535, an
            empty path.
        """
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = "tcp", text
        if scheme == "unix" and rest:
            return cls("unix", "", 0, rest)
        if problem := _problem(scheme, rest):
            raise ListenAddressError(text, problem)
        host, _, port = rest.rpartition(":")
        return cls("tcp", host[1:-1] if host.startswith("[") else host, int(port))

    @classmethod
    def parse_list(cls, text: str) -> tuple["ListenAddress", ...]:
        """Read several addresses separated by commas; an empty text has none. Raises: ListenAddressError."""
        return tuple(cls.parse(part.strip()) for part in text.split(",") if part.strip())

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}"
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"


def _problem(scheme: str, rest: str) -> str:
    """The most telling thing that is wrong with an address other than a unix socket's; empty if nothing is."""
    host, colon, port = rest.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if any(character.isspace() for character in rest):
        return "there is a blank or a line break inside"
    if scheme == "unix":
        return "the path is missing"
    if scheme != "tcp":
        return f"the scheme is {scheme!r}, expected tcp"
    if "@" in rest:
        return "there is an @, but no ID belongs here"
    if "," in rest:
        return "there is a comma: one address is expected"
    if "/" in rest:
        return "there is a / behind the scheme, expected host:port"
    if _is_ipv6(rest):
        return "the port is missing, and an IPv6 host goes into brackets: [::1]:26656"
    if not colon or not port or rest.endswith("]"):
        return "the port is missing"
    if not (port.isascii() and port.isdigit()) or len(port) > len(str(MOST_PORT)) or int(port) > MOST_PORT:
        return f"port {port!r} is not a number from 0 to {MOST_PORT}"
    if ":" in host and not bracketed and "[" not in host:
        return "there are several colons: an IPv6 host goes into brackets, [::1]:26656"
    inner = host[1:-1] if bracketed else host
    if "[" in inner or "]" in inner:
        return "its brackets do not match"
    return "" if not inner or is_host(inner) else f"{inner!r} is no host: expected an IP address or a name"


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
