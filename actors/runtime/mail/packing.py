"""How a class or function is taken apart for another process, with all that it uses.

The functions called `reduce_…` return what pickle's `__reduce__` may: a function to make the object with, its arguments, and
a state with a function that fills it in. Making and filling are two steps because definitions refer to themselves: a
recursive function is among its own globals, a method's closure holds its class. Pickle remembers the object between the two.

cloudpickle does the taking apart. Its private functions are used because its pickler writes a definition into every message,
and its reader writes it again into the class that the receiver has (docs/decisions/0024-definitions-that-travel.md). The
functions that put all this together again are in `building.py`.
"""

from __future__ import annotations

import enum
import functools
import linecache
import types
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cloudpickle import cloudpickle

from peerage.actors.runtime.mail.building import (
    build,
    enrol,
    fill_class,
    fill_closure,
    fill_function,
    make_cached,
    make_class,
    make_code,
    make_function,
    make_property,
)
from peerage.actors.runtime.mail.definitions import Definition, Space, registry
from peerage.actors.runtime.mail.importable import MAINS, is_closure, is_named, is_unfinished

# Attributes of an enum's member that enum itself sets when the class is made.
OF_MEMBERS = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})


def definition_of(what: Any) -> Definition:
    """The definition of a class or function, with a new identity if it is sent for the first time.

    It is entered by its identity as well, so that this process finds its own object again when the definition comes back.
    """
    definition = registry.by_id.get(id(what))
    if definition is None:
        is_kept = is_named(what)
        definition = enrol(what, registry.next_identity(is_named=is_kept), is_named=is_kept)
        registry.by_identity[definition.identity] = definition
        # A module that is being imported: plain pickle would name its classes by it, and so make other processes run it.
        if what.__module__ not in MAINS and "<locals>" not in what.__qualname__:
            registry.is_careful |= is_unfinished(what.__module__ or "")
    return definition


def reduce_function(function: types.FunctionType) -> Any:
    """A function, which its receiver builds once and knows by its identity from then on."""
    if is_closure(function):
        return reduce_closure(function)
    args = definition_of(function).identity, make_function, _parts_of(function)
    return build, args, _state_of(function), None, None, fill_function


def reduce_closure(function: types.FunctionType) -> Any:
    """A local function that closes over variables. It has no identity: these may have changed since it was last sent."""
    return make_function, _parts_of(function), _state_of(function), None, None, fill_closure


def _parts_of(function: types.FunctionType) -> tuple[Any, ...]:
    """What a function is made of. The cells are empty, since what they hold may refer to the function itself."""
    cells = tuple(cloudpickle._make_empty_cell() for _ in function.__code__.co_freevars)  # noqa: SLF001
    return function.__code__, space_of(function.__globals__), cells


def _state_of(function: types.FunctionType) -> tuple[Any, ...]:
    """What a function is filled with: attributes, slots, the globals that its code uses, and their editions."""
    state, slots = cloudpickle._function_getstate(function)  # noqa: SLF001
    # Not a part of the function, but of the globals that it shares with the others of its module.
    used = slots.pop("__globals__")
    return state, slots, used, editions(space_of(function.__globals__), used)


def reduce_class(cls: type[Any]) -> Any:
    """A class, which its receiver builds once and knows by its identity from then on.

    Its state is cloudpickle's, without what the class has as soon as it is made: an enum its members, others their slots.
    """
    definition = definition_of(cls)
    make, args, (state, slots), *_, fill = cloudpickle._dynamic_class_reduce(cls)  # noqa: SLF001
    members: dict[str, dict[str, Any]] = {}
    if issubclass(cls, enum.Enum):
        # cloudpickle makes an enum of its members alone: their aliases, and attributes that a program has set, are added.
        named = cls.__members__  # aliases too
        args = (*args[:3], {name: member.value for name, member in named.items()}, *args[4:])
        state = {name: value for name, value in state.items() if name not in named}
        members = {
            member.name: {key: value for key, value in vars(member).items() if key not in OF_MEMBERS}
            for member in cls
        }
    else:
        # Not by cloudpickle's `types.new_class`, which calls the hooks of metaclass and bases a second time.
        body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        body |= {name: vars(cls)[name] for name in ("__slots__", "__orig_bases__") if name in vars(cls)}
        make, args = make_class, (type(cls), cls.__name__, cls.__bases__, body)
        state = {name: value for name, value in state.items() if not _is_made_with(cls, name, value)}
    whole = (fill, (state, slots), members)
    return build, (definition.identity, make, args), whole, None, None, fill_class


def _is_made_with(cls: type[Any], name: str, value: Any) -> bool:
    """Whether a class has this attribute as soon as it is made, because of its `__slots__`; it cannot be set again."""
    if isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType):
        return value.__objclass__ is cls
    return name == "__slots__"


def reduce_cache(cached: Any) -> Any:
    """A function with `functools.lru_cache`: by reference where that can be, otherwise with an empty cache."""
    # Not `is_importable`: it asks cloudpickle, which knows only functions and classes.
    if cached.__module__ not in MAINS and is_named(cached) and not is_unfinished(cached.__module__):
        return cached.__qualname__
    return make_cached, (cached.__wrapped__, cached.cache_parameters())


def reduce_property(cached: functools.cached_property[Any]) -> Any:
    """A cached property, without the lock that it has up to Python 3.11 and that cannot be pickled."""
    return make_property, (cached.func, cached.attrname)


def reduce_weak(mapping: Any) -> Any:
    """A weak mapping, which cannot be pickled itself. What nobody else holds at the receiver is dropped from it there."""
    return type(mapping), (dict(mapping),)


def space_of(values: dict[str, Any]) -> Space:
    """The globals that functions of one module share, under one identity for all processes.

    Args: values, the module's `__dict__`. Only what tells which module it is goes along at first; the functions bring the
        names that they use.
    """
    space = registry.spaces_by_id.get(id(values))
    if space is not None:
        return space
    with registry.locked():
        # Another thread may have made it meanwhile. Two identities for one module would split its globals elsewhere.
        if (space := registry.spaces_by_id.get(id(values))) is not None:
            return space
        base: dict[str, Any] = {
            name: values[name]
            for name in ("__package__", "__name__", "__path__", "__file__")
            if name in values
        }
        space = Space(registry.next_identity(is_named=True), base, values)
        registry.remember(space)
    return space


def editions(space: Space, used: dict[str, Any]) -> dict[str, int]:
    """How often each name had been bound anew when it was sent, by which a receiver knows the newer of two values.

    Only the module's home counts. Other processes pass on the numbers that they got: what they bind themselves is theirs.
    """
    if not space.identity.startswith(registry.token):
        return {name: space.editions.get(name, 0) for name in used}
    counted = {}
    for name, value in used.items():
        before, edition = space.bound.get(name, (None, 0))
        if edition == 0 or before is not value:
            edition += 1
            space.bound[name] = value, edition
        counted[name] = edition
    return counted


def reduce_code(code: types.CodeType) -> Any:
    """Code, with its file's name, which cloudpickle replaces, so that tracebacks elsewhere show its lines."""
    _code, args = cloudpickle._code_reduce(code)  # noqa: SLF001
    args = tuple(code.co_filename if arg == "<dynamic-code>" else arg for arg in args)
    return make_code, (args, code.co_filename, _source_of(code.co_filename))


_sources: dict[str, tuple[str, ...]] = {}


def _source_of(filename: str) -> tuple[str, ...]:
    """The lines of a notebook's cell, whose text only this process has; none of a file, which others can read."""
    # Remembered, because each function of the file asks, and that is a look at the disk.
    if filename not in _sources:
        lines = () if Path(filename).exists() else tuple(linecache.getlines(filename))
        _sources[filename] = lines
    return _sources[filename]


# How instances of some classes are pickled that occur in definitions: pickle's own way fails for them, or names them as if
# every function could be imported.
REDUCERS: dict[Any, Callable[[Any], Any]] = {
    functools._lru_cache_wrapper: reduce_cache,  # noqa: SLF001 - a class without another name
    functools.cached_property: reduce_property,
    weakref.WeakKeyDictionary: reduce_weak,  # of `functools.singledispatch`
    weakref.WeakValueDictionary: reduce_weak,
    types.CodeType: reduce_code,
}
