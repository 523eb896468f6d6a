"""Which classes and functions mean the same by reference in another process, so that pickle may name them.

That a module has it under its name here is not enough. `__main__` is another module over there; a module that is still being
imported here would be imported there from its first line, which may start the very actor that the message is for; and a file
that was run by its path cannot be found by its name at all. The answers are remembered (`registry`), since a message may
hold thousands of objects, but only once they are final: a module that is unfinished now is finished later.
"""

from __future__ import annotations

import importlib._bootstrap
import sys
import types
import weakref
from typing import Any

from cloudpickle import cloudpickle

from peerage.actors.runtime.mail.definitions import registry

MAINS = frozenset({"__main__", "__mp_main__"})  # the latter in children of multiprocessing that were spawned
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made at run time
# The locks of the imports under way, in all threads; empty while there are none. A private dict of the import system, and
# the only cheap sign that a module may be unfinished. Where it is missing, plain pickle is tried all the same.
imports_under_way: dict[str, Any] = getattr(importlib._bootstrap, "_module_locks", {})  # noqa: SLF001


def is_plain(kind: type[Any]) -> bool:
    """Whether plain pickle may be tried for a value of this class: it would not import what must not be imported.

    Not for exceptions, which have a way of their own (`exceptions.py`). It need not succeed: a local class of an importable
    module passes here, plain pickle fails, and the next way is taken.
    """
    if issubclass(kind, BaseException) or id(kind) in registry.by_id:
        return False
    module = getattr(kind, "__module__", None)
    if not isinstance(module, str) or module in MAINS or is_unfinished(module):
        return False
    registry.plain.add(id(kind))
    return True


def is_unfinished(name: str) -> bool:
    """Whether another process must not import this module: there is none of that name, it was run by its path, or it, or a
    package that it is in, is being imported right now.
    """
    module = sys.modules.get(name)
    if module is None:
        return True
    if getattr(module, "__spec__", None) is None and getattr(module, "__file__", None) is not None:
        return True  # run by its path: a file, but nothing that the import system has found
    while name:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if getattr(spec, "_initializing", False):
            return True
        name = name.rpartition(".")[0]
    return False


def is_importable(what: Any) -> bool:
    """Whether a class or function means the same by reference elsewhere.

    What has got an identity keeps it: had it travelled by value first and by reference later, there would be two of it.
    """
    key = id(what)
    if key in registry.importable:
        return True
    if key in registry.by_id or getattr(what, "__module__", None) in MAINS:
        return False
    if not cloudpickle._should_pickle_by_reference(what) or is_unfinished(what.__module__):  # noqa: SLF001
        return False
    # Noted by its `id`, which may belong to another object once this one is gone. The function is looked up here, because at
    # the end of a program modules are emptied before the last objects go.
    forget = registry.importable.pop
    registry.importable[key] = weakref.ref(what, lambda _: forget(key, None))
    return True


def is_named(what: Any) -> bool:
    """Whether its module holds it under its name, and so as long as the program lives. True also of a main module's."""
    found: Any = sys.modules.get(what.__module__ or "")
    for name in what.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is what


def is_builtin(what: Any) -> bool:
    """Whether it is a class made in C: `type(None)` and others that no module holds, which cloudpickle knows how to name."""
    return isinstance(what, type) and not what.__flags__ & HEAP_TYPE


def is_closure(what: Any) -> bool:
    """Whether it is a local function that closes over variables, which may have other values at the next sending."""
    return isinstance(what, types.FunctionType) and what.__closure__ is not None and not is_named(what)
