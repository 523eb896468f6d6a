"""The class of an actor by its path, so that a ref need not hold the class itself."""

from __future__ import annotations

import importlib
from typing import Any

_CLASSES: dict[str, type[Any]] = {}  # classes met in this process, those that cannot be imported too


def path_of(cls: type[Any]) -> str:
    """Module and qualified name. The class is found by them from now on, though it may not be importable."""
    path = f"{cls.__module__}:{cls.__qualname__}"
    _CLASSES[path] = cls
    return path


def class_of(path: str) -> type[Any]:
    """Raises: ImportError, AttributeError, for a class that was not met here and cannot be imported."""
    known = _CLASSES.get(path)
    if known is None:
        module, _, qualname = path.partition(":")
        found: Any = importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
        known = _CLASSES[path] = found
    return known
