"""The sockets that a node listens on. They belong to the embedding process: no restart of a part gives one up.

An address may have a name. It is looked up before, with a limit: `getaddrinfo` has none, and heeds no signal.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from peerage.actors.http.listening import ListenFailedError, listen
from peerage.actors.name_lookups import resolve_host, resolved_within
from peerage.config import Config, ListenAddress
from peerage.supervisors.node.errors import ListenError
from peerage.wire.ip_ranges import parse_ip
from peerage.wire.net_address import Resolve

BACKLOG = 1024  # connections that the kernel keeps while the hosts are busy
# Nobody waits long for a node that cannot even listen; names of this machine are in /etc/hosts as a rule.
NAMES_TIMEOUT_S = 5.0


def names_to_listen_on(addresses: Iterable[str], is_over: Callable[[], bool]) -> Resolve:
    """Look up the names that some settings have for their hosts, all at once.

    Args: addresses, as in the settings; is_over, whether the node need not start any more.
    Returns: a `Resolve`, for `listen_for_peers` and `listen_for_http`.
    """
    listed = [each for text in addresses if text for each in ListenAddress.parse_list(text)]
    names = {each.host for each in listed if _is_named(each)}
    return resolved_within(NAMES_TIMEOUT_S, names, resolve_host, is_over)


def _is_named(address: ListenAddress) -> bool:
    if not address.host or address.scheme == "unix":
        return False
    with suppress(ValueError):
        parse_ip(address.host.partition("%")[0])
        return False
    return True


def _with_ip(address: ListenAddress, resolve: Resolve, *, prefers_ipv4: bool) -> ListenAddress:
    """The address, with an IP in place of a name. Raises: OSError, when the name has none, or not in time."""
    if not _is_named(address):
        return address
    ips = resolve(address.host)
    if not ips:
        raise OSError(f"the name {address.host!r} has no address")
    ip = min(ips, key=lambda ip: ":" in ip) if prefers_ipv4 else ips[0]
    return ListenAddress(address.scheme, ip, address.port)


@dataclass(frozen=True, slots=True)
class PeerPlace:
    """A place where peers connect. Attributes: key, the setting that names it; text, as there; v6_only, whether IPv4 has its
    port at another one, so that the kernel must not give IPv4 to it as well.
    """

    key: str
    text: str
    v6_only: bool

    @classmethod
    def all_of(cls, config: Config) -> list[PeerPlace]:
        """Those of a node: that of `p2p.laddr` is the first."""
        texts = [("p2p.laddr", config.p2p.laddr)]
        texts += [("peerage.listen_also", text) for text in config.peerage.listen_also]
        addresses = [ListenAddress.parse(text) for _, text in texts]
        of_ipv4 = {address.port for address in addresses if ":" not in address.host}
        return [
            cls(key, text, ":" in address.host and address.port in of_ipv4)
            for (key, text), address in zip(texts, addresses, strict=True)
        ]

    def listen(self, resolve: Resolve = resolve_host) -> socket.socket:
        """As `listen_for_peers`. Raises: ListenError."""
        return listen_for_peers(self.text, resolve, self.key, v6_only=self.v6_only)


def listen_for_peers(
    laddr: str, resolve: Resolve = resolve_host, key: str = "p2p.laddr", *, v6_only: bool = False
) -> socket.socket:
    """Return a socket that peers connect to; the peer hosts share it. Args: as of `PeerPlace`. Raises: ListenError."""
    try:
        address = _with_ip(ListenAddress.parse(laddr), resolve, prefers_ipv4=False)
        # An IP by now, as bytes: for a text, Python imports the tables for international names.
        host = address.host.encode() or None
        family, *_, where = socket.getaddrinfo(
            host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if v6_only:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(where)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ListenError(key, laddr, error.strerror or str(error)) from error
    return listener


def listen_for_http(key: str, laddr: str, resolve: Resolve = resolve_host) -> list[socket.socket]:
    """Return a socket for each of the addresses in a setting, all or none. Raises: ListenError."""
    listeners: list[socket.socket] = []
    try:
        # Go prefers IPv4 where a name has both; so does an operator who writes localhost.
        addresses = [_with_ip(each, resolve, prefers_ipv4=True) for each in ListenAddress.parse_list(laddr)]
    except OSError as error:
        raise ListenError(key, laddr, error.strerror or str(error)) from error
    try:
        listeners.extend(map(listen, addresses))
    except ListenFailedError as error:
        for listener in listeners:
            listener.close()
        raise ListenError(key, error.address, error.cause_text) from error
    return listeners
