"""How a definition that came from another process is put together: the functions that its pickle names."""

from __future__ import annotations

import contextlib
import functools
import linecache
import pickle
import sys
import types
import typing
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from peerage.actors.runtime.mail.definitions import Definition, Space, news, registry
from peerage.actors.runtime.mail.importable import MAINS, is_builtin


class _AnyDict(typing.TypedDict):
    pass


TYPED_DICT: type[Any] = type(_AnyDict)


def enrol(what: Any, identity: bytes, *, is_named: bool) -> Definition:
    """Know a class or function under its identity.

    Args: is_named, whether a module holds it under its name, so that it is kept for good.
    """
    definition = registry.add(what, identity, is_named=is_named)
    definition.short = known, (identity, b"")
    return definition


def known(identity: bytes, packed: bytes) -> Any:
    """The class or function of this identity, built if it is new here."""
    definition = registry.by_identity.get(identity)
    if definition is not None and (what := definition.weak()) is not None:
        if packed and definition.kept is not None:
            news.add(identity)
        return what
    return _learn(identity, packed)


def _found(identity: bytes) -> Any:
    """What this process has of an identity, or is building, for who holds the lock."""
    definition = registry.by_identity.get(identity) or registry.building.get(identity)
    return None if definition is None else definition.weak()


def _learn(identity: bytes, packed: bytes) -> Any:
    with registry.locked():
        if (what := _found(identity)) is not None:
            return what
        if not packed:
            raise pickle.UnpicklingError("a class or function is named that this process does not keep")
        building = registry.building
        begun = len(building)
        try:
            what = pickle.loads(zlib.decompress(packed))
        except BaseException:
            for each in list(building)[begun:]:  # half of it would be worse than nothing
                made = building.pop(each)
                registry.unfilled.discard(made.key)
                registry.forget(made)
            raise
        definition = building[identity]
        definition.packed, definition.reduction = packed, (known, (identity, packed))
        if begun == 0:  # whole: others may see it
            registry.by_identity.update(building)
            building.clear()
        return what


def build(identity: bytes, make: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if (what := _found(identity)) is not None:
        return what
    what = make(*args)
    definition = enrol(what, identity, is_named=bool(identity[-1]))
    registry.building[identity] = definition
    registry.unfilled.add(definition.key)
    return what


def _take_unfilled(what: Any) -> bool:
    """Whether it was made just now; what was here before stays as it is."""
    key = id(what)
    if key not in registry.unfilled:
        return False
    registry.unfilled.discard(key)
    _mind(getattr(what, "__module__", None))
    return True


def _mind(module: str | None) -> None:
    # Plain pickle would import that module, which only its home has, or is importing: its top level would run again.
    if module not in MAINS and module not in sys.modules:
        registry.is_careful = True


def fill_class(cls: type[Any], whole: tuple[Any, ...]) -> None:
    if not _take_unfilled(cls):
        return
    fill, state, members = whole
    fill(cls, state)
    for name, attributes in members.items():
        cls.__members__[name].__dict__.update(attributes)
    _mind(cls.__module__)


def make_class(metaclass: type[Any], name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type[Any]:
    """A class without its attributes.

    Its metaclass's `__new__` and its bases' `__init_subclass__` have run at its home, and what they did comes with it:
    those of others that travel are not run again, nor those that want keywords.
    """
    maker = next(each for each in metaclass.__mro__ if id(each) not in registry.by_id)
    make = (
        type.__new__ if maker is TYPED_DICT else maker.__new__
    )  # the former's wants what its class statement had
    hooked = [each for base in bases for each in base.__mro__ if "__init_subclass__" in vars(each)]
    travelled = [each for each in hooked if id(each) in registry.by_id]
    try:
        with _without_hooks(travelled):
            made: type[Any] = make(metaclass, name, bases, dict(body))
    except TypeError:
        with _without_hooks([each for each in hooked if not is_builtin(each)]):
            made = make(metaclass, name, bases, dict(body))
    return made


@contextlib.contextmanager
def _without_hooks(classes: list[type[Any]]) -> Iterator[None]:
    hooks = {each: vars(each)["__init_subclass__"] for each in classes}
    for each in hooks:
        type.__delattr__(each, "__init_subclass__")
    try:
        yield
    finally:
        for each, hook in hooks.items():
            type.__setattr__(each, "__init_subclass__", hook)


def make_function(code: types.CodeType, space: dict[str, Any], cells: Any) -> types.FunctionType:
    return types.FunctionType(code, space, None, None, cells or None)


def fill_function(function: types.FunctionType, whole: tuple[Any, ...]) -> None:
    if _take_unfilled(function):
        fill_closure(function, whole)


def fill_closure(function: types.FunctionType, whole: tuple[Any, ...]) -> None:
    attributes, slots, used, editions = whole
    space = registry.spaces_by_id[id(function.__globals__)]
    _add_globals(space, used, editions)
    function.__dict__.update(attributes)
    cells = slots.pop("__closure__")
    slots.pop("_cloudpickle_submodules", None)  # now imported
    for own, cell in zip(function.__closure__ or (), cells or (), strict=True):
        try:
            own.cell_contents = cell.cell_contents
        except ValueError:  # empty
            continue
    for name, value in slots.items():
        setattr(function, name, value)
    _mind(function.__module__)


def _add_globals(space: Space, used: dict[str, Any], editions: dict[str, int]) -> None:
    for name, value in used.items():
        edition = editions.get(name, 0)
        if name not in space.values or edition > space.editions.get(name, edition):
            space.values[name] = value
            space.editions[name] = edition


def make_code(args: tuple[Any, ...], filename: str, lines: tuple[str, ...]) -> types.CodeType:
    if lines and filename not in linecache.cache:
        linecache.cache[filename] = (sum(map(len, lines)), None, list(lines), filename)
    return types.CodeType(*args)


def make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def make_property(function: Any, name: str) -> functools.cached_property[Any]:
    made = functools.cached_property(function)
    made.__set_name__(object, name)
    return made
