"""The address at which this node tells others to dial it: never 0.0.0.0 or ::, where nobody can reach it.

CometBFT announces the address that it listens on, even if it is 0.0.0.0. No address book accepts that one, and everything
told by such nodes counts as told by one single source.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from peerage.actors.name_lookups import NAME_TIMEOUT_S, resolved_within
from peerage.config import Config, ListenAddress
from peerage.config.errors import Mistake
from peerage.config.quoting import shown
from peerage.wire.ip_ranges import IPAddress, is_routable, parse_ip
from peerage.wire.net_address import Resolve, without_scheme

__all__ = ["advertised", "host_name", "unresolved", "unresolved_hosts"]

# Addresses from the ranges for documentation. Connecting a UDP socket to one sends nothing, but tells us the local address
# that the kernel would send from.
_FAR_AWAY = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_ANY_PORT = 9
_SIOCGIFADDR = 0x8915  # netdevice(7)
_INTERFACE_NAME = slice(0, 15)
_IPV4_IN_ANSWER = slice(20, 24)
_IPV6_ADDRESSES = Path("/proc/net/if_inet6")
_GLOBAL = "00"  # scope, in that file

_HOST_ALLOWED = "host:port, the host being an IP address or a name that resolves"


def advertised(config: Config, listener: socket.socket) -> str:
    """The host:port that peers are told: external_address, or the listener's address. An unspecified host is replaced by an
    address of this machine, and port 0 by the listener's.
    """
    external = without_scheme(config.p2p.external_address)
    host, port = listener.getsockname()[:2]
    if external:
        told_host, told_port = _split(external)
        if not _is_unspecified(told_host):
            if told_port:
                return external
            host = told_host
        port = told_port or port
    if _is_unspecified(host):
        host = _ip_of_this_machine(listener)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_name(config: Config, key: str) -> str | None:
    """The name that one of our own addresses has for its host; None if it has none, or an IP address.

    Args: key, of `[p2p]`: laddr, external_address.
    """
    text = getattr(config.p2p, key)
    host = ListenAddress.parse(text).host if text else ""
    return host if host and not _is_ip(host) else None


def unresolved(config: Config, key: str) -> Mistake:
    """The mistake of an own address whose name does not resolve. CometBFT does not start with such an address either.

    CometBFT's nodes look up the name that a peer reports, and refuse the peer if it does not resolve.
    """
    name = f"p2p.{key}"
    return Mistake(name, config.source_of(name), shown(getattr(config.p2p, key)), _HOST_ALLOWED)


def unresolved_hosts(config: Config, *keys: str) -> list[Mistake]:
    """Our own addresses whose names do not resolve, or not within 10 s. Args: keys, as of `host_name`."""
    names = {key: name for key in keys if (name := host_name(config, key)) is not None}
    resolve = resolved_within(NAME_TIMEOUT_S, names.values())
    return [unresolved(config, key) for key, name in names.items() if not _has_address(resolve, name)]


def _has_address(resolve: Resolve, name: str) -> bool:
    with suppress(OSError):
        return bool(resolve(name))
    return False


def _split(text: str) -> tuple[str, int]:
    address = ListenAddress.parse(text)
    return address.host, address.port


def _is_ip(host: str) -> bool:
    with suppress(ValueError):
        parse_ip(host.partition("%")[0])
        return True
    return False


def _is_unspecified(host: str) -> bool:
    return _is_ip(host) and parse_ip(host.partition("%")[0]).is_unspecified


def _ip_of_this_machine(listener: socket.socket) -> str:
    """An address at which a listener on all interfaces can be reached: a routable one if there is one."""
    families = [listener.family]
    if listener.family == socket.AF_INET6 and not listener.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    ):
        families.append(socket.AF_INET)  # it accepts both
    found = [ip for family in families for ip in _ips(family)]
    loopback = "::1" if listener.family == socket.AF_INET6 else "127.0.0.1"
    best = next((ip for ip in found if is_routable(ip)), found[0] if found else loopback)
    return str(best)


def _ips(family: int) -> Iterator[IPAddress]:
    """The addresses of this machine without loopback, that of the default route first."""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((_FAR_AWAY[socket.AddressFamily(family)], _ANY_PORT))
        ip = parse_ip(probe.getsockname()[0])
        if not (ip.is_loopback or ip.is_unspecified):
            yield ip
    texts = _ipv4_of_interfaces() if family == socket.AF_INET else _ipv6_of_interfaces()
    for ip in map(parse_ip, texts):
        if not ip.is_loopback:
            yield ip


def _ipv4_of_interfaces() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[_INTERFACE_NAME])
            with suppress(OSError):  # the interface has no IPv4 address
                answer = fcntl.ioctl(probe, _SIOCGIFADDR, request)
                yield socket.inet_ntoa(answer[_IPV4_IN_ANSWER])


def _ipv6_of_interfaces() -> Iterator[str]:
    with suppress(OSError):
        for line in _IPV6_ADDRESSES.read_text().splitlines():
            digits, _, _, scope, *_ = line.split()
            if scope == _GLOBAL:
                yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))
