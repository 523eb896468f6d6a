"""Pykka's proxy, for an actor that cannot be looked at directly: its host introspects it and sends what it
found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pykka
from pykka import ActorDeadError, CallableProxy, messages
from pykka._introspection import AttrInfo, introspect_attrs

from .errors import ForeignRefError
from .process import current_host

if TYPE_CHECKING:
    from pykka._types import AttrPath

    from .ref import ActorRef

A = TypeVar("A", bound=pykka.Actor)

NOT_TOLD = frozenset({"runtime", "actor_inbox", "actor_stopped"})  # of the runtime, not of the actor's author


class Introspect(NamedTuple):
    """Message: what attributes do you have?"""


class _ProxyOf:
    """Stands for every proxy of one actor: an attribute that equals it is not looked into, nor its `__eq__` asked."""

    def __init__(self, actor: pykka.Actor) -> None:
        self._actor = actor

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ActorProxy)
            and other.actor_ref == self._actor.actor_ref
            and not other._attr_path
        )

    __hash__ = None  # type: ignore[assignment]  # compared only


def introspect(actor: pykka.Actor) -> dict[AttrPath, tuple[bool, bool]]:
    """Returns: attribute path to (callable, traversable), for the public attributes."""
    proxy: Any = _ProxyOf(actor)
    found = introspect_attrs(root=actor, proxy=proxy)
    return {
        path: (info.callable, info.traversable) for path, info in found.items() if path[0] not in NOT_TOLD
    }


class ActorProxy(pykka.ActorProxy[A]):
    """Attributes and methods of a remote actor as futures.

    Setting an attribute waits. Values are copies: changing what a proxy returned does not change the actor.
    """

    actor_ref: ActorRef[A]

    def __init__(self, *, actor_ref: ActorRef[A], attr_path: AttrPath | None = None) -> None:
        self.actor_ref = actor_ref
        self._attr_path = attr_path or ()
        self._actor_proxies = {}
        self._callable_proxies = {}
        self._known_attrs = {}
        self._introspect()

    def _introspect(self) -> None:
        myself = self._actor_that_runs()
        if myself is not None:
            found = introspect(myself)
        else:
            try:
                found = self.actor_ref.ask(Introspect())
            except ForeignRefError:
                raise
            except ActorDeadError:
                raise ActorDeadError(f"{self.actor_ref} not found") from None
        self._known_attrs = {path: AttrInfo(*info) for path, info in found.items()}

    def _actor_that_runs(self) -> pykka.Actor | None:
        """The actor itself, when it is the one that asks: it need not, and could not, wait for its own answer."""
        host = current_host()
        cell = None if host is None else host.cell
        return cell.instance if cell is not None and cell.ref == self.actor_ref else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ActorProxy):
            return False
        return self.actor_ref == other.actor_ref and self._attr_path == other._attr_path

    def __hash__(self) -> int:
        return hash((self.actor_ref, self._attr_path))

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(path[0] for path in self._attributes_below())})

    def _attributes_below(self) -> list[AttrPath]:
        depth = len(self._attr_path)
        return [
            path[depth:] for path in self._known_attrs if path[:depth] == self._attr_path and path[depth:]
        ]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # Not str(self): pickle and copy ask for such names before there is anything to show.
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        path = (*self._attr_path, name)
        if path not in self._known_attrs:
            self._introspect()
        info = self._known_attrs.get(path)
        if info is None:
            raise AttributeError(f"{self} has no attribute {name!r}")
        if info.callable:
            if path not in self._callable_proxies:
                self._callable_proxies[path] = CallableProxy(actor_ref=self.actor_ref, attr_path=path)
            return self._callable_proxies[path]
        if info.traversable:
            if path not in self._actor_proxies:
                self._actor_proxies[path] = ActorProxy(actor_ref=self.actor_ref, attr_path=path)
            return self._actor_proxies[path]
        return self.actor_ref.ask(messages.ProxyGetAttr(attr_path=path), block=False)
