"""Classes of IP addresses: which a node can have, which are reachable from anywhere, which likely share an owner.

All functions look at the address alone. An IPv4 address inside ::ffff:0:0/96 counts as that IPv4 address.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

LOCAL_GROUP = "local"
UNROUTABLE_GROUP = "unroutable"
_MAPPED = bytes(10) + b"\xff\xff"

_ZERO = IPv4Network("0.0.0.0/8")
_DOCUMENTATION = IPv6Network("2001:db8::/32")  # RFC 3849
_BROADCAST = IPv4Address("255.255.255.255")

# Source: reference 1, Routable. Onion-cat, fd87:d87e:eb43::/48, lies inside RFC 4193.
_UNROUTABLE_V4 = tuple(
    map(
        IPv4Network,
        (
            "10.0.0.0/8",  # RFC 1918
            "172.16.0.0/12",
            "192.168.0.0/16",
            "169.254.0.0/16",  # RFC 3927
        ),
    )
)
_UNROUTABLE_V6 = tuple(
    map(
        IPv6Network,
        (
            "fe80::/64",  # RFC 4862
            "fc00::/7",  # RFC 4193
            "2001:10::/28",  # RFC 4843
        ),
    )
)

# Source: reference 9, Group.
_TRANSLATED = (IPv6Network("::ffff:0:0:0/96"), IPv6Network("64:ff9b::/96"))  # RFC 6145, RFC 6052
_6TO4 = IPv6Network("2002::/16")  # RFC 3964
_TEREDO = IPv6Network("2001::/32")  # RFC 4380
_ONION_CAT = IPv6Network("fd87:d87e:eb43::/48")
_HURRICANE = IPv6Network("2001:470::/32")  # Hurricane Electric gives each customer a /36


def normal(ip: IPAddress) -> IPAddress:
    """The address in the form in which it is compared and written: without a zone, and IPv4 inside IPv6 as IPv4."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            return ip.ipv4_mapped
        if ip.scope_id is not None:
            return IPv6Address(int(ip))
    return ip


@lru_cache(
    maxsize=1024
)  # each address of a newcomer is parsed several times, and those of one operator come together
def parse_ip(text: str) -> IPAddress:
    """The address that a text stands for, in its normal form.

    Raises: ValueError if the text is not an IP address; short and octal forms of IPv4 do not count.
    """
    return normal(ip_address(text))


def family_of(host: str) -> int:
    """4 or 6; 0 if the host is a name."""
    try:
        return parse_ip(host).version
    except ValueError:
        return 0


def parse_network(text: str) -> IPNetwork:
    """The network that a text stands for: an IP address alone, or with /bits; bits behind the prefix do not matter.

    Networks inside ::ffff:0:0/96 are those of IPv4.
    Raises: ValueError, it is none, or has an IPv6 zone: addresses of remotes are compared without it.
    """
    if "%" in text:
        raise ValueError(f"{text!r} has a zone")
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


def packed_ip(ip: str) -> bytes:
    """16 bytes for any IP; an IPv4 address as the IPv6 address that stands for it."""
    return inet_pton(AF_INET6, ip) if ":" in ip else _MAPPED + inet_pton(AF_INET, ip)


def shown_ip(packed: bytes) -> str:
    """The inverse of `packed_ip`."""
    return inet_ntop(AF_INET, packed[12:]) if packed.startswith(_MAPPED) else inet_ntop(AF_INET6, packed)


def prefix_of(packed: bytes) -> bytes:
    """The first bytes of a packed address, which it shares with those that likely belong to the same customer: 15, an IPv4
    /24, or 7, an IPv6 /56, which is what providers hand out.
    """
    return packed[:15] if packed.startswith(_MAPPED) else packed[:7]


def shown_prefix(prefix: bytes) -> str:
    """What `prefix_of` returned, in the usual form: 192.0.2.0/24."""
    return f"{shown_ip(prefix.ljust(16, bytes(1)))}/{24 if len(prefix) == 15 else 56}"


def is_usable(ip: IPAddress) -> bool:
    """Whether a node can have this address: not unspecified, 255.255.255.255 or in 2001:db8::/32 (documentation)."""
    return not ip.is_unspecified and ip != _BROADCAST and ip not in _DOCUMENTATION


def is_local(ip: IPAddress) -> bool:
    """Whether the address is loopback or in 0.0.0.0/8."""
    return ip.is_loopback or ip in _ZERO


def is_routable(ip: IPAddress) -> bool:
    """Whether the address is reachable from anywhere. As in CometBFT, multicast, 100.64/10 and 240/4 count as such."""
    blocks = _UNROUTABLE_V4 if isinstance(ip, IPv4Address) else _UNROUTABLE_V6
    return is_usable(ip) and not is_local(ip) and not any(ip in block for block in blocks)


def group_of(ip: IPAddress, *, strict: bool) -> str:
    """The block of addresses that likely share an owner, as a text: addresses of one group share buckets in the book.

    Args: strict, whether all local addresses form one group, and all unroutable ones another.
    Source: reference 9, Group.
    """
    if strict and is_local(ip):
        return LOCAL_GROUP
    if strict and not is_routable(ip):
        return UNROUTABLE_GROUP
    if isinstance(ip, IPv4Address):
        number = int(ip)  # an object of its own for the prefix would take three times as long
        return f"{number >> 24}.{number >> 16 & 0xFF}.0.0"
    if ip in _ONION_CAT:
        return f"tor:{ip.packed[6] & 0x0F}"
    embedded = _embedded_ipv4(ip)
    if embedded is not None:
        return _prefix(embedded, 16)
    return _prefix(ip, 36 if ip in _HURRICANE else 32)


def _embedded_ipv4(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a transition mechanism has put into this one; None if there is none."""
    if any(ip in block for block in _TRANSLATED):
        return IPv4Address(ip.packed[12:])
    if ip in _6TO4:
        return IPv4Address(ip.packed[2:6])
    if ip in _TEREDO:
        return IPv4Address(bytes(byte ^ 0xFF for byte in ip.packed[12:]))
    return None


def _prefix(ip: IPAddress, bits: int) -> str:
    """The address with all but its first bits cleared."""
    rest = ip.max_prefixlen - bits
    return str(type(ip)(int(ip) >> rest << rest))
