"""Pykka's proxy, for an actor that cannot be looked at directly: its host introspects it and sends what it
found.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pykka
from pykka import ActorDeadError, CallableProxy, messages
from pykka._introspection import AttrInfo, introspect_attrs

from peerage.actors.runtime.errors import ForeignRefError
from peerage.actors.runtime.mail import here

if TYPE_CHECKING:
    from pykka._types import AttrPath


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
            isinstance(other, pykka.ActorProxy)
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


def attributes_of(ref: pykka.ActorRef[Any]) -> dict[AttrPath, tuple[bool, bool]]:
    """As `introspect`, of an actor wherever it is. Raises: ActorDeadError."""
    myself = _actor_that_runs(ref)
    if myself is not None:
        return introspect(myself)
    try:
        found: dict[AttrPath, tuple[bool, bool]] = ref.ask(Introspect(), block=True)
    except ForeignRefError:
        raise
    except ActorDeadError:
        raise ActorDeadError(f"{ref} not found") from None
    return found


def _actor_that_runs(ref: pykka.ActorRef[Any]) -> pykka.Actor | None:
    """The actor itself, when it is the one that asks: it need not, and could not, wait for its own answer."""
    actor = here.actor()
    return actor.instance if actor is not None and actor.ref == ref else None


class ActorProxy(pykka.ActorProxy[A]):
    """Attributes and methods of a remote actor as futures.

    Setting an attribute waits. Values are copies: changing what a proxy returned does not change the actor.
    """

    actor_ref: pykka.ActorRef[A]

    def __init__(self, *, actor_ref: pykka.ActorRef[A], attr_path: AttrPath | None = None) -> None:
        self.actor_ref = actor_ref
        self._attr_path = attr_path or ()
        self._actor_proxies = {}
        self._callable_proxies = {}
        self._known_attrs = {}
        self._introspect()

    def _introspect(self) -> None:
        found = attributes_of(self.actor_ref)
        self._known_attrs = {path: AttrInfo(*info) for path, info in found.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, pykka.ActorProxy):  # Pykka's own is as good
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


# Pykka's own ActorProxy


class Likeness:
    """Stands for an actor that is elsewhere where Pykka's own `ActorProxy` looks into it: has the same attributes, all of
    them empty but for what that proxy wants to know, whether they can be called and whether they are traversable.
    """

    def __init__(self, ref: pykka.ActorRef[Any]) -> None:
        self._ref = ref

    def __dir__(self) -> list[str]:
        """Asked for by each look: the likeness is renewed. Raises: ActorDeadError."""
        found = attributes_of(self._ref)
        self.__dict__ = {"_ref": self._ref}
        for path, info in sorted(found.items(), key=lambda item: len(item[0])):
            parent: Any = self
            for name in path[:-1]:
                parent = parent.__dict__[name]
            parent.__dict__[path[-1]] = _CallablePart(info[1]) if info[0] else _Part(info[1])
        return [name for name in self.__dict__ if name != "_ref"]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Likeness) and self._ref == other._ref

    def __hash__(self) -> int:
        return hash(self._ref)


class _Part:
    """An attribute of a likeness."""

    def __init__(self, traversable: bool) -> None:
        if traversable:
            self._pykka_traversable = True

    def __dir__(self) -> list[str]:
        return list(self.__dict__)


class _CallablePart(_Part):
    def __call__(self) -> None:
        """Never called: a proxy sends a message."""


def _rebuild(ref: pykka.ActorRef[Any], path: AttrPath) -> ActorProxy[Any]:
    return ActorProxy(actor_ref=ref, attr_path=path)


def _reduce(proxy: pykka.ActorProxy[Any]) -> tuple[Any, ...]:
    return _rebuild, (proxy.actor_ref, proxy._attr_path)  # noqa: SLF001 - it has no other name


# What Pykka's own proxy looks into does not travel, and its __getattr__ would be asked for what it is made of.
copyreg.pickle(pykka.ActorProxy, _reduce)
