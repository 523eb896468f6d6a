"""Classes and functions that other processes cannot import, and how they travel: by value at first, then by name.

These are the classes and functions of `__main__`, of a notebook, of a local scope, or of a module that is still being
imported. Each gets an identity when it is sent for the first time. A message names the identity; the definition goes beside
it, packed once, and a process that knows the identity does not look at it. A process that keeps the definition says so to
whoever sent it (KEPT), and gets the identity alone from then on. Hence:

- the process that made a class gets its own class back, and nothing that it has bound is ever bound anew;
- any other process builds a class once. Every later object of that class is an instance of this one, and the process
  forwards the class under the same identity;
- a local function that closes over variables may hold other values at each sending, and travels whole each time;
- globals that functions use travel with the definition. The functions of one module share them, as in a module: each
  process has its own, filled with what was there at the first sending. Names that a later definition brings are added; a
  name that its home has bound anew meanwhile (a cell that was run again) is bound anew.

cloudpickle takes definitions apart and puts them together. What it lacks for this are identities, shared globals, file
names of code, and attributes and aliases of enum members.

    importable.py   which classes and functions mean the same by reference in another process
    definitions.py  (this module) what this process knows: definitions by identity, globals that functions share
    packing.py      how a definition is taken apart
    building.py     how one is put together again
    pickling.py     pickles values, and definitions beside them
"""

from __future__ import annotations

import contextlib
import itertools
import os
import struct
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

IDENTITY = struct.Struct("<8sQ?")  # the process's token, a number, whether the definition is kept for good
# How many definitions without a name (local classes, lambdas) a process holds though nobody uses them: the next message may
# be of the same class. A program makes any number of them, so they cannot be kept for good.
KEPT = 1024
LOCK_WAIT_S = 5.0  # for another thread that builds: it may wait for the import that this one is in


class Definition:
    """A class or function with an identity.

    Attributes:
        key: its `id`, by which it is found.
        weak: a reference that does not keep it; kept, one that does, None for what may be forgotten.
        packed: the definition as it travels, empty until it is packed or has arrived.
    """

    __slots__ = ("identity", "kept", "key", "packed", "reduction", "short", "weak")

    def __init__(self, what: Any, identity: bytes, gone: Callable[[Any], None]) -> None:
        self.identity, self.key = identity, id(what)
        self.weak = weakref.ref(what, gone)
        self.kept: Any = None
        self.packed = b""
        # What pickle writes into a message for it: once it is packed, and where the receiver is known to keep it.
        self.reduction: tuple[Any, ...] = ()
        self.short: tuple[Any, ...] = ()


class Space:
    """The globals of a module whose functions travel: at home the module's own dict, elsewhere one that they share.

    Attributes: base, the names that a module has by itself (`__name__`, `__file__` and so on); values, the dict.
    """

    __slots__ = ("base", "bound", "editions", "identity", "values")

    def __init__(self, identity: bytes, base: dict[str, Any], values: dict[str, Any]) -> None:
        self.identity, self.base, self.values = identity, base, values
        self.bound: dict[str, tuple[Any, int]] = {}  # what was shipped last of a name, and its edition
        self.editions: dict[str, int] = {}  # of what was received

    def __reduce__(self) -> tuple[Any, ...]:
        return shared_globals, (self.identity, self.base)


class Registry:
    """What this process knows. Reading needs no lock; making, packing and building definitions does.

    Attributes:
        token: begins all identities that are given here, so that no two processes give the same one.
        by_id, by_identity: the definitions. What is just being built is only in the former and in `building`, which nobody
            looks into but the thread that builds.
        lately: holds the latest of those that nothing else keeps.
        importable, plain: what `importable.py` has found out, by `id`.
        is_careful: whether plain pickle is not tried any more, since it would import a module that must not be.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.token = os.urandom(8)
        self.numbers = itertools.count(1)
        self.by_id: dict[int, Definition] = {}
        self.by_identity: dict[bytes, Definition] = {}
        self.lately: deque[Any] = deque(maxlen=KEPT)
        self.spaces_by_id: dict[int, Space] = {}
        self.spaces: dict[bytes, Space] = {}
        self.loose: deque[Space] = deque()  # of no module here: code that was executed, or another process's
        self.building: dict[bytes, Definition] = {}  # what is not whole yet
        self.unfilled: set[int] = set()  # the `id`s of what was made and has no attributes yet
        self.importable: dict[int, weakref.ref[Any]] = {}
        self.plain: set[int] = {id(kind) for kind in (tuple, list, dict, set, frozenset)}
        self.is_careful = False

    def after_fork(self) -> None:
        """In a forked child: parent and child count on from the same number, so the child gives identities of its own."""
        self.lock = threading.RLock()  # another thread of the parent may have held the old one
        self.token = os.urandom(8)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """For whoever makes or builds a definition.

        After LOCK_WAIT_S it goes on without the lock. Two threads may otherwise wait for each other for ever: one builds,
        and needs a module that the other one is importing; the other sends something at that module's top level. To go on
        may build a class twice, which is the lesser evil.
        """
        is_mine = self.lock.acquire(timeout=LOCK_WAIT_S)
        try:
            yield
        finally:
            if is_mine:
                self.lock.release()

    def add(self, what: Any, identity: bytes, *, is_named: bool) -> Definition:
        """Enter something under its `id`. Args: is_named, whether to keep it for good."""
        definition = Definition(what, identity, lambda _: self.forget(definition))
        if is_named:
            definition.kept = what
        else:
            self.lately.append(what)
        self.by_id[definition.key] = definition
        return definition

    def forget(self, definition: Definition) -> None:
        """It is gone, or could not be built. By then another may have the same `id`, or come under the same identity."""
        if self.by_id.get(definition.key) is definition:
            del self.by_id[definition.key]
        if self.by_identity.get(definition.identity) is definition:
            del self.by_identity[definition.identity]

    def remember(self, space: Space) -> None:
        """Share these globals from now on. Those of a module live as long as that; of others only the latest are kept."""
        self.spaces_by_id[id(space.values)] = self.spaces[space.identity] = space
        module = sys.modules.get(space.base.get("__name__", ""))
        if module is None or vars(module) is not space.values:
            self.loose.append(space)
            if len(self.loose) > KEPT:
                oldest = self.loose.popleft()
                del self.spaces_by_id[id(oldest.values)], self.spaces[oldest.identity]

    def next_identity(self, *, is_named: bool) -> bytes:
        return IDENTITY.pack(self.token, next(self.numbers), is_named)


registry = Registry()
os.register_at_fork(after_in_child=registry.after_fork)

# Identities that came with their definition, of what this process keeps: whoever sent one need not send that again.
news: set[bytes] = set()


def shared_globals(identity: bytes, base: dict[str, Any]) -> dict[str, Any]:
    """The globals of a module that functions from elsewhere share here. Named in pickles.

    Except at their home, these are not the globals of a module of that name: what arrives must not change the program's own.
    """
    space = registry.spaces.get(identity)
    if space is None:
        space = Space(identity, base, {**base, "__builtins__": __builtins__})
        registry.remember(space)
    return space.values


class Everything(Container[bytes]):
    """The identities that this process keeps, for messages between its own threads: all that there can be."""

    def __contains__(self, _: object) -> bool:
        return True


EVERYTHING = Everything()


def pack_identities(identities: Iterable[bytes]) -> bytes:
    return b"".join(identities)


def unpack_identities(body: bytes | bytearray | memoryview) -> set[bytes]:
    return {bytes(body[at : at + IDENTITY.size]) for at in range(0, len(body), IDENTITY.size)}
