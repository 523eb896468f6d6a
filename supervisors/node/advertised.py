"""The address at which this node tells others to dial it: never 0.0.0.0 or ::, where nobody can reach it.

CometBFT announces the address that it listens on, even if it is 0.0.0.0. No address book accepts that one, and everything
told by such nodes counts as told by one single source.

Nobody outside is asked for it: what this machine knows of itself is what is told (decision 0088).
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from peerage.actors.name_lookups import NAME_TIMEOUT_S, resolve_host, resolved_within
from peerage.config import Config, ListenAddress
from peerage.config.errors import ConfigError, Mistake
from peerage.config.listen_address import AUTO
from peerage.config.quoting import shown
from peerage.wire.ip_ranges import IPAddress, is_routable, parse_ip
from peerage.wire.net_address import Resolve, without_scheme

__all__ = [
    "EXTERNAL_IP",
    "advertised",
    "advertised_also",
    "host_name",
    "refusals_by_books",
    "refused_by_books",
    "unresolved",
    "unresolved_hosts",
    "would_advertise",
    "would_advertise_also",
]

EXTERNAL_IP = "PEERAGE_EXTERNAL_IP"  # the environment variable that "auto" looks at first

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


@dataclass(frozen=True, slots=True)
class _Listening:
    """Where a node listens, or would. Attributes: host, an IP address; families, of those whom it accepts."""

    host: str
    port: int
    families: tuple[int, ...]

    @classmethod
    def at(cls, listener: socket.socket) -> _Listening:
        host, port = listener.getsockname()[:2]
        v6_only = listener.family == socket.AF_INET6 and bool(
            listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        )
        return cls(host, port, _families(listener.family, v6_only=v6_only))

    @classmethod
    def planned(cls, config: Config, resolve: Resolve) -> _Listening:
        """Where it will be. Raises: OSError, the name in `p2p.laddr` has no address."""
        address = ListenAddress.parse(config.p2p.laddr)
        host = address.host
        if not _is_ip(host):
            found = resolve(host)
            if not found:
                raise OSError(f"the name {host!r} has no address")
            host = found[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return cls(host, address.port, _families(family, v6_only=False))


def _families(family: int, *, v6_only: bool) -> tuple[int, ...]:
    """A listener at :: accepts IPv4 too, as a rule."""
    return (family, socket.AF_INET) if family == socket.AF_INET6 and not v6_only else (family,)


def advertised(config: Config, listener: socket.socket) -> str:
    """The host:port that peers are told: external_address, or the listener's address. An unspecified host is replaced by an
    address of this machine, and port 0 by the listener's.

    Raises: ConfigError, the environment has no IP address for "auto".
    """
    return _told(config, _Listening.at(listener))


def would_advertise(config: Config, resolve: Resolve = resolve_host) -> str:
    """The same of a node that does not run; empty if its port is any that is free then.

    Args: resolve, for a name in `p2p.laddr`.
    Raises: ConfigError, as `advertised`; OSError, that name has no address.
    """
    told = _told(config, _Listening.planned(config, resolve))
    return "" if told.endswith(":0") else told


def advertised_also(config: Config, listeners: Sequence[socket.socket]) -> tuple[str, ...]:
    """The host:port that peers are told with whom we speak over an IP family that `advertised` is not of: one for each.

    Args: listeners, that of `p2p.laddr` first.
    Raises: ConfigError, as `advertised`.
    """
    return _told_also(config, [_Listening.at(listener) for listener in listeners])


def would_advertise_also(config: Config, resolve: Resolve = resolve_host) -> tuple[str, ...]:
    """The same of a node that does not run, without ports that are any. Args and raises: as `would_advertise`."""
    listenings = [_Listening.planned(config, resolve)]
    for text in config.peerage.listen_also:
        host, port = _split(text)
        listenings.append(_Listening(host, port, _families(_family_of(host), v6_only=True)))
    if len(listenings) > 1:  # beside another one, it is of its own family alone
        listenings[0] = replace(listenings[0], families=listenings[0].families[:1])
    return tuple(told for told in _told_also(config, listenings) if not told.endswith(":0"))


def _told_also(config: Config, listenings: Sequence[_Listening]) -> tuple[str, ...]:
    first = _told(config, listenings[0])
    host = _split(first)[0]
    covered = {_family_of(host)} if _is_ip(host) else set[int]()
    also: list[str] = []

    def tell(host: str, port: int) -> None:
        family = _family_of(host)
        if family not in covered:
            covered.add(family)
            also.append(_joined(host, port))

    for text in config.peerage.external_address_also:
        tell(*_split(text))
    for listening in listenings[1:]:
        for family in {*listening.families} - covered:
            is_any = _is_unspecified(listening.host)
            tell(_ip_of_this_machine((family,)) if is_any else listening.host, listening.port)
    if config.p2p.external_address in {"", AUTO}:
        # Nobody has asked by name for what is left of the first one's families: only a routable address is told.
        for family in {*listenings[0].families} - covered:
            is_any = _is_unspecified(listenings[0].host)
            ips = map(str, filter(is_routable, _ips(family))) if is_any else [listenings[0].host]
            for ip in ips:
                tell(ip, listenings[0].port)
    return tuple(also)


def refusals_by_books(config: Config, told: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give the addresses that no address book takes, of those that peers are told, and why.

    Args: told, as of `advertised`, or nothing if that is not known; behind it those of `advertised_also`.
    """
    setting = "p2p.external_address"
    for each in told:
        if each and (why := refused_by_books(config, each, setting)):
            yield each, why
        setting = "peerage.external_address_also"


def refused_by_books(config: Config, told: str, setting: str = "p2p.external_address") -> str:
    """Why no address book takes the address that peers are told; empty if books do, or if it does not matter.

    Args: setting, that mends it.

    It matters where addresses are exchanged and books are strict, as this node's own is. A name is looked up by others.
    """
    if not (config.p2p.pex and config.p2p.addr_book_strict):
        return ""
    host = _split(told)[0]
    if not _is_ip(host) or is_routable(ip := parse_ip(host.partition("%")[0])):
        return ""
    kind = "an unspecified" if ip.is_unspecified else "a loopback" if ip.is_loopback else "a private"
    return (
        f"peers are told to dial {told}, {kind} address that every strict address book refuses: nobody hears of this node; "
        f"set {setting} to where others reach it, or p2p.addr_book_strict = false in a local network"
    )


def _told(config: Config, listening: _Listening) -> str:
    external = without_scheme(config.p2p.external_address)
    host, port = listening.host, listening.port
    if external == AUTO:
        host = _given_ip(config, os.environ) or host
    elif external:
        told_host, told_port = _split(external)
        if not _is_unspecified(told_host):
            if told_port:
                return external
            host = told_host
        port = told_port or port
    if _is_unspecified(host):
        host = _ip_of_this_machine(listening.families)
    return _joined(host, port)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _family_of(host: str) -> int:
    """Of an IP address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _given_ip(config: Config, environ: Mapping[str, str]) -> str:
    """The address that the environment has for us; empty if it has none. Raises: ConfigError, it is not one."""
    text = environ.get(EXTERNAL_IP, "")
    if text and (not _is_ip(text) or _is_unspecified(text)):
        source = f"{config.source_of('p2p.external_address')}, environment {EXTERNAL_IP}"
        allowed = "an IP address that others can dial, without a port"
        raise ConfigError([Mistake("p2p.external_address", source, shown(text), allowed)])
    return text


def host_name(config: Config, key: str) -> str | None:
    """The name that one of our own addresses has for its host; None if it has none, or an IP address.

    Args: key, of `[p2p]`: laddr, external_address.
    """
    text = getattr(config.p2p, key)
    host = ListenAddress.parse(text).host if text not in {"", AUTO} else ""
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


def _ip_of_this_machine(families: tuple[int, ...]) -> str:
    """An address at which a listener on all interfaces can be reached: a routable one if there is one."""
    found = [ip for family in families for ip in _ips(family)]
    loopback = "::1" if families[0] == socket.AF_INET6 else "127.0.0.1"
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
