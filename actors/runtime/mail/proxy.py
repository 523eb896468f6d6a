"""Pykka's proxy, for an actor that cannot be inspected directly: its host does so, and sends what it found.

Pykka's `ActorProxy` walks through the actor's attributes, which works where both share a process. Ours asks for the result
of that walk instead (`Introspect`). A program may still make a proxy with Pykka's own class; for that there is a `Likeness`
of the actor, which that class can walk through.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pykka
from pykka import ActorDeadError, CallableProxy, messages
from pykka._introspection import AttrInfo, introspect_attrs

from peerage.actors.runtime.errors import ForeignRefError
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.typed_actor import TypedActor

if TYPE_CHECKING:
    from pykka._types import AttrPath


A = TypeVar("A", bound=TypedActor)

# Public attributes that the runtime has put there, not the actor's author. Whatever they lead to cannot be pickled.
NOT_TOLD = frozenset({"runtime", "actor_inbox", "actor_stopped"})


class Introspect(NamedTuple):
    """Message, an ask: which attributes do you have? Answered with what `introspect` returns."""


class _ProxyOf:
    """Equals every proxy of one actor. Pykka's introspection skips attributes that equal the proxy it works for: to look
    into one would send messages to the actor, which is busy with this. Here there is no such proxy to compare with.

    Pykka writes it on the left of `==`, so that the `__eq__` of the actor's attributes (an array's, say) is not called.
    """

    def __init__(self, actor: TypedActor) -> None:
        self._actor = actor

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, pykka.ActorProxy)
            and other.actor_ref == self._actor.actor_ref
            and not other._attr_path
        )

    __hash__ = None  # type: ignore[assignment]  # compared only


def introspect(actor: TypedActor) -> dict[AttrPath, tuple[bool, bool]]:
    """The public attributes of an actor, and of its traversable attributes. To be called in the actor's own thread.

    Returns: by path (names from the actor down), whether it is callable and whether it is traversable.
    """
    proxy: Any = _ProxyOf(actor)
    found = introspect_attrs(root=actor, proxy=proxy)
    return {
        path: (info.callable, info.traversable) for path, info in found.items() if path[0] not in NOT_TOLD
    }


def attributes_of(ref: pykka.ActorRef[Any]) -> dict[AttrPath, tuple[bool, bool]]:
    """As `introspect`, of an actor wherever it is. Raises: ActorDeadError."""
    # An actor that makes a proxy of itself in a handler cannot answer before that handler returns.
    myself = _actor_that_runs(ref)
    if myself is not None:
        return introspect(myself)
    try:
        found: dict[AttrPath, tuple[bool, bool]] = ref.ask(Introspect(), block=True)
    except ForeignRefError:  # it says more
        raise
    except ActorDeadError:  # Pykka's words, whichever way it is gone
        raise ActorDeadError(f"{ref} not found") from None
    return found


def _actor_that_runs(ref: pykka.ActorRef[Any]) -> TypedActor | None:
    """The object behind a ref, if it is the actor in whose handler the calling thread is; otherwise None."""
    actor = here.actor()
    return actor.instance if actor is not None and actor.ref == ref else None


class ActorProxy(pykka.ActorProxy[A]):  # type: ignore[type-var]  # typed_actor.py
    """Attributes and methods of a remote actor as futures.

    Setting an attribute waits. Values are copies: changing what a proxy returned does not change the actor.
    """

    actor_ref: pykka.ActorRef[Any]

    def __init__(self, *, actor_ref: pykka.ActorRef[Any], attr_path: AttrPath | None = None) -> None:
        # Not Pykka's constructor, which would look into the actor. The names are Pykka's: its other methods use them.
        self.actor_ref = actor_ref
        self._attr_path = attr_path or ()
        self._actor_proxies = {}
        self._callable_proxies = {}
        self._known_attrs = {}
        self._introspect()

    def _introspect(self) -> None:
        # A message to the actor, and a wait: it happens when a proxy is made, and for each name that is not known yet.
        found = attributes_of(self.actor_ref)
        self._known_attrs = {path: AttrInfo(*info) for path, info in found.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, pykka.ActorProxy):  # ours, or one of Pykka's own class
            return False
        return self.actor_ref == other.actor_ref and self._attr_path == other._attr_path

    def __hash__(self) -> int:
        return hash((self.actor_ref, self._attr_path))

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *(path[0] for path in self._attributes_below())})

    def _attributes_below(self) -> list[AttrPath]:
        # A proxy of a traversable attribute knows the whole actor, and shows the part below its own path.
        depth = len(self._attr_path)
        return [
            path[depth:] for path in self._known_attrs if path[:depth] == self._attr_path and path[depth:]
        ]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            # The message must not contain str(self): pickle and copy look for such names on an object that has no
            # attributes yet, and __str__ would look for the first one here again.
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        path = (*self._attr_path, name)
        if path not in self._known_attrs:  # it may have been added since
            self._introspect()
        info = self._known_attrs.get(path)
        if info is None:
            raise AttributeError(f"{self} has no attribute {name!r}")
        # Calls and attributes are messages of Pykka's, which our hosts understand (`host/pykka_messages.py`).
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
    """Stands for an actor that is elsewhere when Pykka's own `ActorProxy` inspects it.

    It has attributes of the same names, which hold no values, only what that class looks for: whether they can be called,
    and whether they are traversable. Values are then got by messages, as Pykka's proxy does anyway.
    """

    def __init__(self, ref: pykka.ActorRef[Any]) -> None:
        self._ref = ref

    def __dir__(self) -> list[str]:
        """The first thing that each inspection calls, so this is where the likeness is renewed. Raises: ActorDeadError."""
        found = attributes_of(self._ref)
        self.__dict__ = {"_ref": self._ref}
        # Shorter paths first: the parent of each part is there when the part comes.
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
    """An attribute of a likeness, and the parent of those below it, which `dir` must list without object's own names."""

    def __init__(self, traversable: bool) -> None:
        if traversable:
            self._pykka_traversable = True

    def __dir__(self) -> list[str]:
        return list(self.__dict__)


class _CallablePart(_Part):
    """A method of a likeness, or another attribute that can be called. Instances are what Pykka asks `callable` about."""

    def __call__(self) -> None:
        """Never called, only found to be callable: the proxy sends a message instead."""


def _rebuild(ref: pykka.ActorRef[Any], path: AttrPath) -> ActorProxy[Any]:
    return ActorProxy(actor_ref=ref, attr_path=path)


def _reduce(proxy: pykka.ActorProxy[Any]) -> tuple[Any, ...]:
    return _rebuild, (proxy.actor_ref, proxy._attr_path)  # noqa: SLF001 - it has no other name


# Without this, pickle would take all of such a proxy along, the likeness too, and on arrival ask its `__getattr__` for
# attributes that are not there yet. It arrives as one of ours.
copyreg.pickle(pykka.ActorProxy, _reduce)
