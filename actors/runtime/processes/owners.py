"""Which hosts end with which actor: those that were started with `linked_to=owner`.

This is Erlang's link in one direction. The root keeps it, because the root makes every host and is the first to hear of
every death: a link that is made there cannot come too late, and no successor of an owner starts before the hosts that end
with the owner are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef

# Serial of its host, and name. The serial makes it one life: a successor under the same name is another owner.
Owner = tuple[int, str]


class Owners:
    """The links between hosts, which are known by their serials, and the actors that own them.

    Attributes: orphaned, called with an owner that has ended in a host that lives on, the hosts that it leaves, and why it
    has ended.
    """

    def __init__(self, port: Port) -> None:
        self._port = port
        self.orphaned: Callable[[ActorRef[Any], list[int], DownReason], None] = _nothing
        self._hosts: dict[Owner, set[int]] = {}
        self._owner_of: dict[int, Owner] = {}
        self._watches: dict[Owner, int] = {}

    def is_gone(self, owner: ActorRef[Any]) -> bool:
        """Whether the life of the host that the owner lives in has ended.

        A successor under the same name is another owner.
        """
        serial = self._serial_of(owner)
        return serial is None or self._port.table.is_dead(serial)

    def has_owner(self, host: int) -> bool:
        """Whether a host is linked to an owner that has not ended."""
        return host in self._owner_of

    def by_host(self) -> dict[int, str]:
        """The name of each host's owner, by the host's serial."""
        return {host: name for host, (_serial, name) in self._owner_of.items()}

    def add(self, owner: ActorRef[Any], host: int) -> None:
        """Link a host to an owner, which must not be gone. The first link to an owner begins to watch it."""
        key = self._serial_of(owner) or 0, owner.name
        self._owner_of[host] = key
        self._hosts.setdefault(key, set()).add(host)
        if key not in self._watches:
            self._watches[key] = self._port.lives.watch(
                owner, lambda ended, reason: self._ended(key, ended, reason)
            )

    def replace(self, host: int, successor: int) -> None:
        """A host that was never forked has been asked for again, under a new serial."""
        if (key := self._owner_of.pop(host, None)) is not None:
            self._owner_of[successor] = key
            self._hosts[key].remove(host)
            self._hosts[key].add(successor)

    def remove(self, host: int) -> None:
        """A host has ended: forget its link, and stop watching an owner that it was the last one of."""
        if (key := self._owner_of.pop(host, None)) is not None:
            self._hosts[key].remove(host)
            if not self._hosts[key]:
                self._port.lives.unwatch(self._forget(key))

    def take(self, serial: int) -> list[int]:
        """A host has ended. Returns: the hosts that were linked to any actor in it; their links are gone."""
        taken: list[int] = []
        for key in [key for key in self._hosts if key[0] == serial]:
            taken.extend(self._take(key))
        return taken

    def _ended(self, key: Owner, owner: ActorRef[Any], reason: DownReason) -> None:

        if key in self._hosts:
            self.orphaned(owner, self._take(key), reason)

    def _take(self, key: Owner) -> list[int]:
        hosts = sorted(self._hosts[key])
        for host in hosts:
            del self._owner_of[host]
        self._port.lives.unwatch(self._forget(key))
        return hosts

    def _forget(self, key: Owner) -> int:
        del self._hosts[key]
        return self._watches.pop(key, 0)  # 0: watching it failed, and so did the start of the host

    def _serial_of(self, owner: ActorRef[Any]) -> int | None:
        return owner.serial or self._port.table.resolve(owner.host, 0)


def _nothing(_owner: ActorRef[Any], _hosts: list[int], _reason: DownReason) -> None:
    """The default: nobody listens."""
