"""Which events tell of private peers: those that name one, those with an address at which one was seen, and those with an
address from which nobody has proved an ID.

Whoever is refused before it has shaken hands (too many connections, a handshake that breaks off) is an address and nothing
else. It may be that of a private peer that comes from a new one; so may the address that is banned for it. Where there is
somebody to hide, an address is told with the ID of whoever is there, or not at all.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from peerage.actors.events.messages import EventLine
from peerage.actors.events.rendering import ids_in
from peerage.wire.keys import is_node_id

__all__ = ["PrivateNames"]

MOST_HOSTS: Final = 1024


class PrivateNames:
    """Who is private, as far as is known; nobody ceases to be. Args: ids; addresses, `ID@host:port`, of anybody."""

    def __init__(self, ids: Iterable[str] = (), addresses: Iterable[str] = ()) -> None:
        self._ids = frozenset(each.lower() for each in ids)
        self._addresses = tuple(addresses)
        self._hosts: dict[str, bytes] = {}
        self._note_addresses()

    def add(self, ids: Iterable[str]) -> bool:
        """These are private too. Returns: whether any of them is new."""
        more = self._ids.union(each.lower() for each in ids)
        is_new = more != self._ids
        self._ids = more
        if is_new:
            self._note_addresses()
        return is_new

    def note(self, line: EventLine) -> bool:
        """If it tells of one, keep where it was seen: whatever came from there, or will, may be of it, too.

        Returns: whether that is new.
        """
        if line.address and line.subject.lower() in self._ids:
            return self._note_host(line.address)
        return False

    def are_in(self, line: EventLine) -> bool:
        """Whether the event tells of one."""
        if not self._ids:
            return False
        return (
            not self._ids.isdisjoint(ids_in(line))
            or _is_of_nobody_known(line)
            or any(host in line.json for host in self._hosts.values())
        )

    def _note_addresses(self) -> None:
        for address in self._addresses:
            peer_id, _, place = address.rpartition("@")
            if peer_id.lower() in self._ids:
                self._note_host(place)

    def _note_host(self, place: str) -> bool:
        host = place.rpartition(":")[0].strip("[]")
        if not host or host in self._hosts or _is_loopback(host) or len(self._hosts) >= MOST_HOSTS:
            return False
        self._hosts[host] = host.encode(errors="replace")
        return True


def _is_of_nobody_known(line: EventLine) -> bool:
    """Whether it tells an address, and of whoever is there no ID."""
    if is_node_id(line.subject):
        return False
    if line.subject:  # an address or a network that was banned
        return not _is_loopback(line.subject.partition("/")[0])
    return bool(line.address) and not _is_loopback(line.address.rpartition(":")[0].strip("[]"))


def _is_loopback(host: str) -> bool:
    """A loopback address tells of nobody: all nodes of a machine have it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
