"""Which classes and functions mean the same by reference in another process, so that pickle may name them."""

from __future__ import annotations

import importlib._bootstrap
import sys
import types
import weakref
from typing import Any

from cloudpickle import cloudpickle

from peerage.actors.runtime.mail.definitions import registry

MAINS = frozenset({"__main__", "__mp_main__"})
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made at run time
# The locks of the imports under way, in all threads: the one cheap sign that a module may be unfinished.
imports_under_way: dict[str, Any] = getattr(importlib._bootstrap, "_module_locks", {})  # noqa: SLF001


def is_plain(kind: type[Any]) -> bool:
    """Whether plain pickle may be tried for a value of this class, without an import of what must not be imported."""
    if issubclass(kind, BaseException) or id(kind) in registry.by_id:
        return False
    module = getattr(kind, "__module__", None)
    if not isinstance(module, str) or module in MAINS or is_unfinished(module):
        return False
    registry.plain.add(id(kind))
    return True


def is_unfinished(name: str) -> bool:
    """Whether another process had better not import a module: it is not one, or is being imported right now."""
    module = sys.modules.get(name)
    if module is None:
        return True
    if getattr(module, "__spec__", None) is None and getattr(module, "__file__", None) is not None:
        return True  # run by its path
    while name:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        if getattr(spec, "_initializing", False):
            return True
        name = name.rpartition(".")[0]
    return False


def is_importable(what: Any) -> bool:
    """Whether a class or function means the same by reference elsewhere."""
    key = id(what)
    if key in registry.importable:
        return True
    if key in registry.by_id or getattr(what, "__module__", None) in MAINS:
        return False
    if not cloudpickle._should_pickle_by_reference(what) or is_unfinished(what.__module__):  # noqa: SLF001
        return False
    forget = registry.importable.pop  # bound here: at the end of a program modules are emptied first
    registry.importable[key] = weakref.ref(what, lambda _: forget(key, None))
    return True


def is_named(what: Any) -> bool:
    """Whether its module holds it under its name: it lives as long as the module."""
    found: Any = sys.modules.get(what.__module__ or "")
    for name in what.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is what


def is_builtin(what: Any) -> bool:
    """Whether it is made in C: `type(None)` and others that no module names."""
    return isinstance(what, type) and not what.__flags__ & HEAP_TYPE


def is_closure(what: Any) -> bool:
    """Whether it is a local function that closes over what may be another thing at the next sending."""
    return isinstance(what, types.FunctionType) and what.__closure__ is not None and not is_named(what)
