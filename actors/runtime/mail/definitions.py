"""Classes and functions that other processes cannot import, and how they travel: by value at first, then by name.

These are the classes and functions of `__main__`, of a notebook, of a local scope, or of a module that is still being
imported. Each gets an identity when it is sent for the first time. A message names the identity; the definition goes beside
it, packed once, and a process that knows the identity does not look at it. A process that keeps the definition says so to
whoever sent it (KEPT), and gets the identity alone from then on. Hence:

- the process that made a class gets its own class back, and nothing that it has bound is ever bound anew;
- any other process builds a class once; all that it gets later of that class is of the one it has, and it forwards the
  class under the same identity;
- a local function that closes over variables is another thing at each sending, and travels whole each time;
- globals that functions use go with the definition. The functions of one module share them, as in a module: each
  process has its own, filled with what was there at the first sending. What a later definition brings is added; a name
  that its home has bound anew meanwhile (a cell that was run again) is bound anew.

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
# Definitions without a name (local classes, lambdas) that a process holds though nobody uses them.
KEPT = 1024
LOCK_WAIT_S = 5.0  # for another thread that builds: it may wait for the import that this one is in


class Definition:
    """A class or function with an identity."""

    __slots__ = ("identity", "kept", "key", "packed", "reduction", "short", "weak")

    def __init__(self, what: Any, identity: bytes, gone: Callable[[Any], None]) -> None:
        self.identity, self.key = identity, id(what)
        self.weak = weakref.ref(what, gone)
        self.kept: Any = None
        self.packed = b""
        self.reduction: tuple[Any, ...] = ()  # what a message holds of it, once it is packed
        self.short: tuple[Any, ...] = ()  # and what of one that the receiver is known to keep


class Space:
    """The globals of a module whose functions travel."""

    __slots__ = ("base", "bound", "editions", "identity", "values")

    def __init__(self, identity: bytes, base: dict[str, Any], values: dict[str, Any]) -> None:
        self.identity, self.base, self.values = identity, base, values
        self.bound: dict[str, tuple[Any, int]] = {}  # what was shipped last of a name, and its edition
        self.editions: dict[str, int] = {}  # of what was received

    def __reduce__(self) -> tuple[Any, ...]:
        return shared_globals, (self.identity, self.base)


class Registry:
    """What this process knows. Reading needs no lock; building does."""

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
        self.building: dict[bytes, Definition] = {}  # what is not whole yet, seen by who builds it
        self.unfilled: set[int] = set()
        self.importable: dict[int, weakref.ref[Any]] = {}
        self.plain: set[int] = {id(kind) for kind in (tuple, list, dict, set, frozenset)}
        self.is_careful = False  # plain pickle would import a module that must not be

    def after_fork(self) -> None:
        self.lock = threading.RLock()
        self.token = os.urandom(8)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """For whoever makes or builds a definition. A wait for ever could be one for itself: see LOCK_WAIT_S."""
        is_mine = self.lock.acquire(timeout=LOCK_WAIT_S)
        try:
            yield
        finally:
            if is_mine:
                self.lock.release()

    def add(self, what: Any, identity: bytes, *, is_named: bool) -> Definition:
        definition = Definition(what, identity, lambda _: self.forget(definition))
        if is_named:
            definition.kept = what
        else:
            self.lately.append(what)
        self.by_id[definition.key] = definition
        return definition

    def forget(self, definition: Definition) -> None:
        if self.by_id.get(definition.key) is definition:
            del self.by_id[definition.key]
        if self.by_identity.get(definition.identity) is definition:
            del self.by_identity[definition.identity]

    def remember(self, space: Space) -> None:
        """Share these globals from now on. Those of no module here stay until there are too many of them."""
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
    """The globals of a module that functions from elsewhere share here. Named in pickles."""
    space = registry.spaces.get(identity)
    if space is None:
        space = Space(identity, base, {**base, "__builtins__": __builtins__})
        registry.remember(space)
    return space.values


class Everything(Container[bytes]):
    """What this very process keeps, whichever of its threads."""

    def __contains__(self, _: object) -> bool:
        return True


EVERYTHING = Everything()


def pack_identities(identities: Iterable[bytes]) -> bytes:
    return b"".join(identities)


def unpack_identities(body: bytes | bytearray | memoryview) -> set[bytes]:
    return {bytes(body[at : at + IDENTITY.size]) for at in range(0, len(body), IDENTITY.size)}
