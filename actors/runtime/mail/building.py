"""How a definition that came from another process is put together: the functions that its pickle names.

Since pickles name them, these functions keep their names and arguments. A class or function is made in two steps, because
it may refer to itself, as a method does that names its own class:

1. `build` makes it empty and enters it under its identity, so that whatever refers to it while the rest is read finds it;
2. `fill_class` or `fill_function` gives it its attributes.

This happens under the registry's lock (except for closures, which have no identity), and other threads see none of it before
the whole definition has been read. What this process has already is neither made nor filled again: a message changes nothing
that the program has bound.
"""

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


TYPED_DICT: type[Any] = type(_AnyDict)  # the metaclass, which `typing` keeps under a private name


def enrol(what: Any, identity: bytes, *, is_named: bool) -> Definition:
    """Note that a class or function has this identity. It travels by that name from now on, to its home too.

    Args: is_named, whether a module holds it under its name, so that it is kept for good.
    """
    definition = registry.add(what, identity, is_named=is_named)
    definition.short = known, (identity, b"")
    return definition


def known(identity: bytes, packed: bytes) -> Any:
    """The class or function of this identity, built if it is new here. What every message names for a definition.

    Without a lock in the usual case: a definition is entered there only when it is whole.

    Args: packed, the definition, empty if the sender knows that it is kept here.
    Raises: UnpicklingError, when it is needed and is not there.
    """
    definition = registry.by_identity.get(identity)
    if definition is not None and (what := definition.weak()) is not None:
        if packed and definition.kept is not None:  # the sender could have left it out, and is told so
            news.add(identity)
        return what
    return _learn(identity, packed)


def _found(identity: bytes) -> Any:
    """What this process has under an identity, or is just building. For the thread that holds the lock."""
    definition = registry.by_identity.get(identity) or registry.building.get(identity)
    return None if definition is None else definition.weak()


def _learn(identity: bytes, packed: bytes) -> Any:
    with registry.locked():
        if (what := _found(identity)) is not None:  # another thread was first, or we are in the middle of it
            return what
        if not packed:
            raise pickle.UnpicklingError("a class or function is named that this process does not keep")
        # A definition brings others along: those that its code uses. They are parts of one whole, even if one of them is
        # read by this function again.
        building = registry.building
        begun = len(building)
        try:
            what = pickle.loads(zlib.decompress(packed))
        except BaseException:
            # Forget all that it has made so far. A class with half of its methods would otherwise be taken for the real one
            # when the same definition comes again.
            for each in list(building)[begun:]:
                made = building.pop(each)
                registry.unfilled.discard(made.key)
                registry.forget(made)
            raise
        definition = building[identity]
        # What is forwarded from here is what came, under the same identity, so that its home knows it again.
        definition.packed, definition.reduction = packed, (known, (identity, packed))
        if begun == 0:  # the outermost: everything is whole, and other threads may see it
            registry.by_identity.update(building)
            building.clear()
        return what


def build(identity: bytes, make: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Make something without its attributes, unless it is here already.

    Args: make, called with `args`: one of the functions below, or of cloudpickle's.
    """
    if (what := _found(identity)) is not None:
        return what
    what = make(*args)
    definition = enrol(what, identity, is_named=bool(identity[-1]))
    registry.building[identity] = definition
    registry.unfilled.add(definition.key)
    return what


def _take_unfilled(what: Any) -> bool:
    """Whether it was made just now, and is to be filled, once. What was here before stays as it is.

    By `id`, because a class's metaclass may define `__hash__` or `__eq__`. Whatever is being built is held by the unpickler.
    """
    key = id(what)
    if key not in registry.unfilled:
        return False
    registry.unfilled.discard(key)
    _mind(getattr(what, "__module__", None))
    return True


def _mind(module: str | None) -> None:
    # To check that a class can be found by its name, plain pickle imports the class's module. This one exists only where the
    # class was made, or was being imported there: its top level would run here. So plain pickle is used no more.
    if module not in MAINS and module not in sys.modules:
        registry.is_careful = True


def fill_class(cls: type[Any], whole: tuple[Any, ...]) -> None:
    """Give a class its attributes. Args: whole, as `reduce_class` has packed it."""
    if not _take_unfilled(cls):
        return
    fill, state, members = whole
    fill(cls, state)
    for name, attributes in members.items():
        cls.__members__[name].__dict__.update(attributes)
    _mind(cls.__module__)


def make_class(metaclass: type[Any], name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type[Any]:
    """A class without its attributes.

    At its home the metaclass's `__new__` and the bases' `__init_subclass__` have run, and what they did to the class comes
    with it. Here those run again that belong to importable classes, which may keep a record of their subclasses in each
    process. Those of classes that travel do not: their effects elsewhere would be doubled at home. Nor do any that need
    keywords of the class statement, which are not known any more.
    """
    # The metaclass may have travelled itself; it must not do its work a second time either.
    maker = next(each for each in metaclass.__mro__ if id(each) not in registry.by_id)
    # TypedDict's own takes the bases of the class statement, and refuses those that the class has in the end: `dict` alone.
    make = type.__new__ if maker is TYPED_DICT else maker.__new__
    hooked = [each for base in bases for each in base.__mro__ if "__init_subclass__" in vars(each)]
    travelled = [each for each in hooked if id(each) in registry.by_id]
    try:
        with _without_hooks(travelled):
            made: type[Any] = make(metaclass, name, bases, dict(body))
    except TypeError:  # a hook that needs keywords, which we have no other way to recognise
        with _without_hooks([each for each in hooked if not is_builtin(each)]):
            made = make(metaclass, name, bases, dict(body))
    return made


@contextlib.contextmanager
def _without_hooks(classes: list[type[Any]]) -> Iterator[None]:
    """Take `__init_subclass__` away from these classes for a moment.

    By `type`'s own functions: a metaclass may have others that refuse. A thread that derives from one of them right now
    misses the hook, which the registry's lock prevents only if it is building as well.
    """
    hooks = {each: vars(each)["__init_subclass__"] for each in classes}
    for each in hooks:
        type.__delattr__(each, "__init_subclass__")
    try:
        yield
    finally:
        for each, hook in hooks.items():
            type.__setattr__(each, "__init_subclass__", hook)


def make_function(code: types.CodeType, space: dict[str, Any], cells: Any) -> types.FunctionType:
    """A function without its attributes. Args: space, the globals that it shares here; cells, still empty, for closures."""
    return types.FunctionType(code, space, None, None, cells or None)


def fill_function(function: types.FunctionType, whole: tuple[Any, ...]) -> None:
    """Give a function its attributes, unless it was here before."""
    if _take_unfilled(function):
        fill_closure(function, whole)


def fill_closure(function: types.FunctionType, whole: tuple[Any, ...]) -> None:
    """As `fill_function`, always: one that closes over variables has no identity, and is another one each time.

    Args: whole, its attributes, what else cloudpickle keeps of a function, and the globals that it uses with their editions.
    """
    attributes, slots, used, editions = whole
    space = registry.spaces_by_id[id(function.__globals__)]
    _add_globals(space, used, editions)
    function.__dict__.update(attributes)
    cells = slots.pop("__closure__")
    slots.pop("_cloudpickle_submodules", None)  # there only to be imported, which reading them has done
    # A function's cells cannot be replaced, only filled.
    for own, cell in zip(function.__closure__ or (), cells or (), strict=True):
        try:
            own.cell_contents = cell.cell_contents
        except ValueError:  # empty: the variable is not bound yet
            continue
    for name, value in slots.items():
        setattr(function, name, value)
    _mind(function.__module__)


def _add_globals(space: Space, used: dict[str, Any], editions: dict[str, int]) -> None:
    """Add to the shared globals what a function uses.

    What is there already stays, unless the home has bound the name anew since: then its edition is higher. A name without an
    edition was bound here, by the program or an actor, and is never bound anew (hence the default).
    """
    for name, value in used.items():
        edition = editions.get(name, 0)
        if name not in space.values or edition > space.editions.get(name, edition):
            space.values[name] = value
            space.editions[name] = edition


def make_code(args: tuple[Any, ...], filename: str, lines: tuple[str, ...]) -> types.CodeType:
    """A code object. Its source lines come along if they stand in no file, so that tracebacks show them here too."""
    if lines and filename not in linecache.cache:
        # None for the time of modification: `checkcache` keeps such an entry, though there is no file.
        linecache.cache[filename] = (sum(map(len, lines)), None, list(lines), filename)
    return types.CodeType(*args)


def make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    """A function with `functools.lru_cache`, its cache empty."""
    return functools.lru_cache(**parameters)(function)


def make_property(function: Any, name: str) -> functools.cached_property[Any]:
    """A cached property. The class that it belongs to is made otherwise than by a class statement: nobody else names it."""
    made = functools.cached_property(function)
    made.__set_name__(object, name)
    return made
