"""The class of an actor by its path, so that a ref need not hold the class itself.

Refs travel by the thousand, also to processes that could not import the class and never look at it. With the class in it a
ref would be unreadable there, or bring the whole definition along.
"""

from __future__ import annotations

import importlib
from typing import Any

_CLASSES: dict[str, type[Any]] = {}  # the classes met in this process, also those that cannot be imported


class NamedClass:
    """A class by its path, for those who need not import it. Args: path, as of `path_of`."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def module(self) -> str:
        return self.path.partition(":")[0]

    @property
    def __name__(self) -> str:
        return self.path.rpartition(":")[2].rpartition(".")[2]

    def __repr__(self) -> str:
        return f"<class {self.path}, by its name>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedClass) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def to_import(self) -> _ToImport:
        """What is the class itself where it is unpickled."""
        return _ToImport(self.path)


class _ToImport:
    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return class_of, (self._path,)


def path_of(cls: type[Any] | NamedClass) -> str:
    """Module and qualified name, with a colon between. From now on `class_of` finds the class by them, importable or not.

    Of two local classes of one function the later one is found; a ref's class is for people and type checkers.
    """
    if isinstance(cls, NamedClass):
        return cls.path
    path = f"{cls.__module__}:{cls.__qualname__}"
    _CLASSES[path] = cls
    return path


def class_of(path: str) -> type[Any]:
    """The class with this path. Raises: ImportError, AttributeError, if it was not met here and cannot be imported."""
    known = _CLASSES.get(path)
    if known is None:
        module, _, qualname = path.partition(":")
        found: Any = importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
        known = _CLASSES[path] = found
    return known
