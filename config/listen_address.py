"""Where to listen: `tcp://host:port`, `host:port`, `:port`, `unix:///path`."""

from dataclasses import dataclass

from peerage.wire.net_address import is_host

MOST_PORT = 65535


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
        """Read an address as configured; without a scheme it is tcp, IPv6 hosts stand in brackets.

        Raises: ValueError for other schemes, a host that can be none, a missing port, a port outside 0..65535, an empty
            path.
        """
        scheme, separator, rest = text.partition("://")
        if not separator:
            scheme, rest = "tcp", text
        if scheme == "unix" and rest:
            return cls("unix", "", 0, rest)
        if scheme != "tcp":
            raise ValueError(text)
        host, colon, port = rest.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()) or len(port) > len(str(MOST_PORT)):
            raise ValueError(text)
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError(text)
        if (host and not is_host(host)) or int(port) > MOST_PORT:
            raise ValueError(text)
        return cls("tcp", host, int(port))

    @classmethod
    def parse_list(cls, text: str) -> tuple["ListenAddress", ...]:
        """Read several addresses with commas between; an empty text is none. Raises: ValueError."""
        return tuple(cls.parse(part.strip(" ")) for part in text.split(",") if part.strip(" "))

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}"
        return f"tcp://[{self.host}]:{self.port}" if ":" in self.host else f"tcp://{self.host}:{self.port}"
