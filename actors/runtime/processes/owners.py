"""Who ends with whom: the hosts that were started with `linked_to`, by the actors they must not outlive.

Erlang's links, in one direction. Kept by the root, which makes every host and is first to know of every death: a link
made there cannot come too late, and no successor starts before those who end with its predecessor are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef

Owner = tuple[int, str]  # serial of its host, name


class Links:
    """Hosts are known by their serials. `orphaned(owner, hosts, reason)` is called when an actor ends in a host that lives
    on.
    """

    def __init__(self, port: Port, orphaned: Callable[[ActorRef[Any], list[int], DownReason], None]) -> None:
        self._port, self._orphaned = port, orphaned
        self._hosts: dict[Owner, set[int]] = {}
        self._owner_of: dict[int, Owner] = {}
        self._watches: dict[Owner, int] = {}

    def is_gone(self, owner: ActorRef[Any]) -> bool:
        """Whether the owner's host has ended, in the life that is meant: its successor does not count."""
        serial = self._serial_of(owner)
        return serial is None or self._port.table.is_dead(serial)

    def has_owner(self, host: int) -> bool:
        """Whether a host is linked to anybody who lives."""
        return host in self._owner_of

    def add(self, owner: ActorRef[Any], host: int) -> None:
        """Link a host to an owner that is not gone."""
        key = self._serial_of(owner) or 0, owner.name
        self._owner_of[host] = key
        self._hosts.setdefault(key, set()).add(host)
        if key not in self._watches:
            self._watches[key] = self._port.lives.watch(
                owner, lambda ended, reason: self._ended(key, ended, reason)
            )

    def replace(self, host: int, successor: int) -> None:
        """A host that never came to life has been asked for again."""
        if (key := self._owner_of.pop(host, None)) is not None:
            self._owner_of[successor] = key
            self._hosts[key].remove(host)
            self._hosts[key].add(successor)

    def remove(self, host: int) -> None:
        """A host has ended."""
        if (key := self._owner_of.pop(host, None)) is not None:
            self._hosts[key].remove(host)
            if not self._hosts[key]:
                self._port.lives.unwatch(self._forget(key))

    def take(self, serial: int) -> list[int]:
        """Those linked to any actor of a host, which has ended: they are linked no more."""
        taken: list[int] = []
        for key in [key for key in self._hosts if key[0] == serial]:
            taken.extend(self._take(key))
        return taken

    def _ended(self, key: Owner, owner: ActorRef[Any], reason: DownReason) -> None:
        if key in self._hosts:
            self._orphaned(owner, self._take(key), reason)

    def _take(self, key: Owner) -> list[int]:
        hosts = sorted(self._hosts[key])
        for host in hosts:
            del self._owner_of[host]
        self._port.lives.unwatch(self._forget(key))
        return hosts

    def _forget(self, key: Owner) -> int:
        del self._hosts[key]
        return self._watches.pop(key, 0)  # 0: it could not be watched, and so the host was given up

    def _serial_of(self, owner: ActorRef[Any]) -> int | None:
        return owner.serial or self._port.table.resolve(owner.host, 0)
