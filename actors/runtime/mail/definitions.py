"""Classes and functions that other processes cannot import, and how they travel: by value at first, then by name.

Those of `__main__`, of a notebook, of a local scope, or of a module that is still being imported. Each gets an identity
when it is first sent. A message names the identity; beside it goes the definition, packed once, which a process that
knows the identity does not look at. One that keeps it says so to who sent it (KEPT), and gets the identity alone from
then on. So:

- the process that made a class gets its own class back, and nothing that it has bound is ever bound anew;
- any other builds it once; all that it gets later of that class is of the one it has, and it forwards it under the
  same identity;
- a local function that closes over variables is another thing at each sending, and travels whole each time;
- globals that functions use go with the definition. The functions of one module share them, as in a module: each
  process has its own, filled with what was there at the first sending. What a later definition brings is added; a name
  that its home has bound anew meanwhile (a cell that was run again) is bound anew.

cloudpickle takes the definitions apart and puts them together. What it lacks for this: identities, shared globals, file
names of code, attributes and aliases of enum members.
"""

from __future__ import annotations

import contextlib
import copyreg
import dataclasses
import enum
import functools
import importlib._bootstrap
import io
import itertools
import linecache
import os
import pickle
import struct
import sys
import threading
import types
import typing
import weakref
import zlib
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from cloudpickle import cloudpickle

from peerage.actors.runtime.mail.exceptions import reduce_exception

IDENTITY = struct.Struct("<8sQ?")  # the process's token, a number, whether the definition is kept for good
KEPT = (
    1024  # definitions without a name (local classes, lambdas) that a process holds though nobody uses them
)
LOCK_WAIT_S = 5.0  # for another thread that builds: it may wait for the import that this one is in
MAINS = frozenset({"__main__", "__mp_main__"})
# The locks of the imports under way, in all threads: the one cheap sign that a module may be unfinished.
_importing: dict[str, Any] = getattr(importlib._bootstrap, "_module_locks", {})  # noqa: SLF001
HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: made at run time
SINGLETONS = {id(dataclasses.MISSING): "MISSING", id(dataclasses.KW_ONLY): "KW_ONLY"}
OF_MEMBERS = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})  # which enum itself sets


class _AnyDict(typing.TypedDict):
    pass


TYPED_DICT: type[Any] = type(_AnyDict)

Buffers = Callable[[pickle.PickleBuffer], object]


class Definition:
    """A class or function with an identity."""

    __slots__ = ("identity", "kept", "key", "packed", "reduction", "short", "weak")

    def __init__(self, what: Any, identity: bytes, gone: Callable[[Any], None]) -> None:
        self.identity, self.key = identity, id(what)
        self.weak = weakref.ref(what, gone)
        self.kept: Any = None
        self.packed = b""
        self.reduction: tuple[Any, ...] = ()  # what a message holds of it, once it is packed
        self.short = known, (identity, b"")  # and what of one that the receiver is known to keep


class _Space:
    """The globals of a module whose functions travel."""

    __slots__ = ("base", "bound", "editions", "identity", "values")

    def __init__(self, identity: bytes, base: dict[str, Any], values: dict[str, Any]) -> None:
        self.identity, self.base, self.values = identity, base, values
        self.bound: dict[str, tuple[Any, int]] = {}  # what was shipped last of a name, and its edition
        self.editions: dict[str, int] = {}  # of what was received

    def __reduce__(self) -> tuple[Any, ...]:
        return _space, (self.identity, self.base)


class _Registry:
    """What this process knows. Reading needs no lock; building does."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.token = os.urandom(8)
        self.numbers = itertools.count(1)
        self.by_id: dict[int, Definition] = {}
        self.by_identity: dict[bytes, Definition] = {}
        self.lately: deque[Any] = deque(maxlen=KEPT)
        self.spaces_by_id: dict[int, _Space] = {}
        self.spaces: dict[bytes, _Space] = {}
        self.loose: deque[_Space] = deque()  # of no module here: code that was executed, or another process's
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
        """For who makes or builds. A wait for ever could be one for itself: see LOCK_WAIT_S."""
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

    def next_identity(self, *, is_named: bool) -> bytes:
        return IDENTITY.pack(self.token, next(self.numbers), is_named)


_registry = _Registry()
os.register_at_fork(after_in_child=_registry.after_fork)

# Identities that came with their definition, of what this process keeps: whoever sent one need not send that again.
news: set[bytes] = set()


class Everything(Container[bytes]):
    """What this very process keeps, whichever of its threads."""

    def __contains__(self, _: object) -> bool:
        return True


EVERYTHING = Everything()


def pack_identities(identities: Iterable[bytes]) -> bytes:
    return b"".join(identities)


def unpack_identities(body: bytes | bytearray | memoryview) -> set[bytes]:
    return {bytes(body[at : at + IDENTITY.size]) for at in range(0, len(body), IDENTITY.size)}


# Sending


def dumps(
    value: Any,
    buffers: list[pickle.PickleBuffer] | None = None,
    collect: Buffers | None = None,
    *,
    kept_there: Container[bytes] = (),
    careful: bool = False,
    anew: bool = False,
) -> bytes:
    """Pickle a value: what others can import by reference, everything else by value.

    Args:
        value: any.
        buffers: those that `collect`, pickle's `buffer_callback`, lets travel beside the pickle.
        collect: as said.
        kept_there: identities that the receiver is known to keep: their definitions need not go again.
        careful: look at each class, however deep, before plain pickle does: it imports a class's module.
        anew: pack definitions of this process as they are now, for a process that has none yet.

    Raises: whatever pickling the value raises.
    """
    kind = type(value)
    if not (careful or _registry.is_careful or _importing) and (
        id(kind) in _registry.plain or _is_plain(kind)
    ):
        try:
            body = pickle.dumps(value, 5, buffer_callback=collect)
        except (pickle.PicklingError, AttributeError, TypeError):
            pass  # a lambda, a local class
        else:
            # By reference, a name in __main__ would mean the other process's.
            if b"_main__" not in body:
                return body
        if buffers is not None:
            buffers.clear()
    pickler = _StartPickler if anew else _MessagePickler
    try:
        return _dump_with(pickler, value, collect, kept_there)
    except pickle.PicklingError:
        if not _registry.importable:
            raise
    _registry.importable.clear()  # a module was reloaded: its old classes are nobody's now
    if buffers is not None:
        buffers.clear()
    return _dump_with(pickler, value, collect, kept_there)


def dumps_error(error: BaseException, *, chained: bool, forced: bool) -> bytes:
    """Pickle an exception. Args: as of `reduce_exception`."""
    return _dump_with(_error_picklers[chained, forced], error)


def _dump_with(
    kind: type[_MessagePickler],
    value: Any,
    collect: Buffers | None = None,
    kept_there: Container[bytes] = (),
) -> bytes:
    if len(copyreg.dispatch_table) != _reducers.known:
        _reducers.renew()
    out = io.BytesIO()
    pickler = kind(out, 5, buffer_callback=collect)
    pickler.kept_there = kept_there
    pickler.dump(value)
    return out.getvalue()


def _is_plain(kind: type[Any]) -> bool:
    """Whether plain pickle may be tried for a value of this class, without an import of what must not be imported."""
    if issubclass(kind, BaseException) or id(kind) in _registry.by_id:
        return False
    module = getattr(kind, "__module__", None)
    if not isinstance(module, str) or module in MAINS or _is_unfinished(module):
        return False
    _registry.plain.add(id(kind))
    return True


def _is_unfinished(name: str) -> bool:
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


def _is_importable(what: Any) -> bool:
    """Whether a class or function means the same by reference elsewhere."""
    key = id(what)
    if key in _registry.importable:
        return True
    if key in _registry.by_id or getattr(what, "__module__", None) in MAINS:
        return False
    if not cloudpickle._should_pickle_by_reference(what) or _is_unfinished(what.__module__):  # noqa: SLF001
        return False
    forget = _registry.importable.pop  # bound here: at the end of a program modules are emptied first
    _registry.importable[key] = weakref.ref(what, lambda _: forget(key, None))
    return True


def _is_named(what: Any) -> bool:
    """Whether its module holds it under its name: it lives as long as the module."""
    found: Any = sys.modules.get(what.__module__ or "")
    for name in what.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is what


def _definition_of(what: Any) -> Definition:
    definition = _registry.by_id.get(id(what))
    if definition is None:
        is_named = _is_named(what)
        definition = _registry.add(what, _registry.next_identity(is_named=is_named), is_named=is_named)
        _registry.by_identity[definition.identity] = definition
        if what.__module__ not in MAINS and "<locals>" not in what.__qualname__:
            _registry.is_careful |= _is_unfinished(what.__module__ or "")
    return definition


def _reduce(what: Any, kept_there: Container[bytes]) -> Any:
    """What a message holds of a class or function."""
    if _is_importable(what):
        return NotImplemented
    if _is_builtin(what):
        return cloudpickle._class_reduce(what)  # noqa: SLF001
    if _is_closure(what):
        return _reduce_closure(what)
    with _registry.locked():
        definition = _definition_of(what)
        if definition.kept is not None and definition.identity in kept_there:
            return definition.short
        if not definition.reduction:
            _pack(definition, what)
    return definition.reduction


def _is_builtin(what: Any) -> bool:
    """Whether it is made in C: `type(None)` and others that no module names."""
    return isinstance(what, type) and not what.__flags__ & HEAP_TYPE


def _pack(definition: Definition, what: Any) -> None:
    out = io.BytesIO()
    _DefinitionPickler(out, protocol=5).dump(what)
    definition.packed = zlib.compress(out.getvalue(), 1)
    definition.reduction = known, (definition.identity, definition.packed)


class _MessagePickler(pickle.Pickler):
    dispatch_table: dict[type, Callable[[Any], Any]]
    kept_there: Container[bytes]
    _chained, _forced = True, False

    def reducer_override(self, value: Any) -> Any:
        definition = _registry.by_id.get(id(value))
        if definition is not None:
            if definition.kept is not None and definition.identity in self.kept_there:
                return definition.short
            if definition.reduction:
                return definition.reduction
        if isinstance(value, type | types.FunctionType):
            return _reduce(value, self.kept_there)
        if isinstance(value, BaseException):
            return reduce_exception(value, chained=self._chained, forced=self._forced)
        return NotImplemented


class _StartPickler(_MessagePickler):
    """For what a process begins with: it gets globals and class attributes as they are, not as they once were."""

    def reducer_override(self, value: Any) -> Any:
        definition = _registry.by_id.get(id(value))
        if (
            definition is not None
            and definition.reduction
            and definition.identity.startswith(_registry.token)
        ):
            with _registry.locked():
                _pack(definition, value)
            return definition.reduction
        return super().reducer_override(value)


def _error_pickler(*, chained: bool, forced: bool) -> type[_MessagePickler]:
    return type("_ErrorPickler", (_MessagePickler,), {"_chained": chained, "_forced": forced})


_error_picklers = {
    (chained, forced): _error_pickler(chained=chained, forced=forced)
    for chained in (False, True)
    for forced in (False, True)
}


class _DefinitionPickler(cloudpickle.Pickler):  # type: ignore[misc]  # without types
    """Packs one definition, with all that it uses and others cannot import."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            return NotImplemented if _is_importable(value) else _reduce_function(value)
        if isinstance(value, type):
            if _is_importable(value):
                return NotImplemented
            if _is_builtin(value):
                return super().reducer_override(value)
            return _reduce_class(value)
        if isinstance(value, BaseException):
            return reduce_exception(value, chained=True, forced=False)
        if id(value) in SINGLETONS:
            return getattr, (dataclasses, SINGLETONS[id(value)])
        return super().reducer_override(value)


def _is_closure(what: Any) -> bool:
    """Whether it is a local function that closes over what may be another thing at the next sending."""
    return isinstance(what, types.FunctionType) and what.__closure__ is not None and not _is_named(what)


def _reduce_function(function: types.FunctionType) -> Any:
    if _is_closure(function):
        return _reduce_closure(function)
    args = _definition_of(function).identity, _make_function, _parts_of(function)
    return _build, args, _state_of(function), None, None, _fill_function


def _reduce_closure(function: types.FunctionType) -> Any:
    return _make_function, _parts_of(function), _state_of(function), None, None, _fill_closure


def _parts_of(function: types.FunctionType) -> tuple[Any, ...]:
    cells = tuple(cloudpickle._make_empty_cell() for _ in function.__code__.co_freevars)  # noqa: SLF001
    return function.__code__, _space_of(function.__globals__), cells


def _state_of(function: types.FunctionType) -> tuple[Any, ...]:
    state, slots = cloudpickle._function_getstate(function)  # noqa: SLF001
    used = slots.pop("__globals__")
    return state, slots, used, _editions(_space_of(function.__globals__), used)


def _reduce_class(cls: type[Any]) -> Any:
    definition = _definition_of(cls)
    make, args, (state, slots), *_, fill = cloudpickle._dynamic_class_reduce(cls)  # noqa: SLF001
    members: dict[str, dict[str, Any]] = {}
    if issubclass(cls, enum.Enum):
        named = cls.__members__  # aliases too
        args = (*args[:3], {name: member.value for name, member in named.items()}, *args[4:])
        state = {name: value for name, value in state.items() if name not in named}
        members = {
            member.name: {key: value for key, value in vars(member).items() if key not in OF_MEMBERS}
            for member in cls
        }
    else:
        body = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        body |= {name: vars(cls)[name] for name in ("__slots__", "__orig_bases__") if name in vars(cls)}
        make, args = _make_class, (type(cls), cls.__name__, cls.__bases__, body)
        state = {name: value for name, value in state.items() if not _is_made_with(cls, name, value)}
    whole = (fill, (state, slots), members)
    return _build, (definition.identity, make, args), whole, None, None, _fill_class


def _is_made_with(cls: type[Any], name: str, value: Any) -> bool:
    """Whether a class has it as soon as it is made: its slots."""
    if isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType):
        return value.__objclass__ is cls
    return name == "__slots__"


def _reduce_cache(cached: Any) -> Any:
    if _is_importable(cached):
        return cached.__qualname__
    return _make_cached, (cached.__wrapped__, cached.cache_parameters())


def _make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _reduce_property(cached: functools.cached_property[Any]) -> Any:
    return _make_property, (cached.func, cached.attrname)  # without its lock


def _make_property(function: Any, name: str) -> functools.cached_property[Any]:
    made = functools.cached_property(function)
    made.__set_name__(object, name)
    return made


def _reduce_weak(mapping: Any) -> Any:
    return type(mapping), (dict(mapping),)


REDUCERS: dict[Any, Callable[[Any], Any]] = {
    functools._lru_cache_wrapper: _reduce_cache,  # noqa: SLF001 - a class without another name
    functools.cached_property: _reduce_property,
    weakref.WeakKeyDictionary: _reduce_weak,  # of `functools.singledispatch`
    weakref.WeakValueDictionary: _reduce_weak,
}


def _space_of(values: dict[str, Any]) -> _Space:
    space = _registry.spaces_by_id.get(id(values))
    if space is not None:
        return space
    with _registry.locked():
        if (space := _registry.spaces_by_id.get(id(values))) is not None:
            return space
        base: dict[str, Any] = {
            name: values[name]
            for name in ("__package__", "__name__", "__path__", "__file__")
            if name in values
        }
        space = _Space(_registry.next_identity(is_named=True), base, values)
        _remember(space)
    return space


def _remember(space: _Space) -> None:
    _registry.spaces_by_id[id(space.values)] = _registry.spaces[space.identity] = space
    module = sys.modules.get(space.base.get("__name__", ""))
    if module is None or vars(module) is not space.values:
        _registry.loose.append(space)
        if len(_registry.loose) > KEPT:
            oldest = _registry.loose.popleft()
            del _registry.spaces_by_id[id(oldest.values)], _registry.spaces[oldest.identity]


def _editions(space: _Space, used: dict[str, Any]) -> dict[str, int]:
    """How often each name had been bound anew when it was shipped. Only its home counts; others pass on what they heard."""
    if not space.identity.startswith(_registry.token):
        return {name: space.editions.get(name, 0) for name in used}
    editions = {}
    for name, value in used.items():
        before, edition = space.bound.get(name, (None, 0))
        if edition == 0 or before is not value:
            edition += 1
            space.bound[name] = value, edition
        editions[name] = edition
    return editions


def _reduce_code(code: types.CodeType) -> Any:
    _code, args = cloudpickle._code_reduce(code)  # noqa: SLF001
    args = tuple(code.co_filename if arg == "<dynamic-code>" else arg for arg in args)
    return _make_code, (args, code.co_filename, _source_of(code.co_filename))


_sources: dict[str, tuple[str, ...]] = {}


def _source_of(filename: str) -> tuple[str, ...]:
    """The lines of what is no file: a notebook's cell, whose text only this process has."""
    if filename not in _sources:
        lines = () if Path(filename).exists() else tuple(linecache.getlines(filename))
        _sources[filename] = lines
    return _sources[filename]


class _Reducers:
    """How instances of some classes are pickled: cloudpickle's ways and those that programs registered, as one dict."""

    def __init__(self) -> None:
        self.known = 0
        self.own = {**cloudpickle.Pickler._dispatch_table, **REDUCERS, types.CodeType: _reduce_code}  # noqa: SLF001
        self.renew()

    def renew(self) -> None:
        self.known = len(copyreg.dispatch_table)
        _MessagePickler.dispatch_table = {**copyreg.dispatch_table, **self.own}
        _DefinitionPickler.dispatch_table = _MessagePickler.dispatch_table


_reducers = _Reducers()


# Receiving: what follows is named in pickles


def known(identity: bytes, packed: bytes) -> Any:
    """The class or function of this identity, built if it is new here."""
    definition = _registry.by_identity.get(identity)
    if definition is not None and (what := definition.weak()) is not None:
        if packed and definition.kept is not None:
            news.add(identity)
        return what
    return _learn(identity, packed)


def _found(identity: bytes) -> Any:
    """What this process has of an identity, or is building, for who holds the lock."""
    definition = _registry.by_identity.get(identity) or _registry.building.get(identity)
    return None if definition is None else definition.weak()


def _learn(identity: bytes, packed: bytes) -> Any:
    with _registry.locked():
        if (what := _found(identity)) is not None:
            return what
        if not packed:
            raise pickle.UnpicklingError("a class or function is named that this process does not keep")
        building = _registry.building
        begun = len(building)
        try:
            what = pickle.loads(zlib.decompress(packed))
        except BaseException:
            for each in list(building)[begun:]:  # half of it would be worse than nothing
                made = building.pop(each)
                _registry.unfilled.discard(made.key)
                _registry.forget(made)
            raise
        definition = building[identity]
        definition.packed, definition.reduction = packed, (known, (identity, packed))
        if begun == 0:  # whole: others may see it
            _registry.by_identity.update(building)
            building.clear()
        return what


def _build(identity: bytes, make: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if (what := _found(identity)) is not None:
        return what
    what = make(*args)
    definition = _registry.add(what, identity, is_named=bool(identity[-1]))
    _registry.building[identity] = definition
    _registry.unfilled.add(definition.key)
    return what


def _take_unfilled(what: Any) -> bool:
    """Whether it was made just now; what was here before stays as it is."""
    key = id(what)
    if key not in _registry.unfilled:
        return False
    _registry.unfilled.discard(key)
    _mind(getattr(what, "__module__", None))
    return True


def _mind(module: str | None) -> None:
    # Plain pickle would import that module, which only its home has, or is importing: its top level would run again.
    if module not in MAINS and module not in sys.modules:
        _registry.is_careful = True


def _fill_class(cls: type[Any], whole: tuple[Any, ...]) -> None:
    if not _take_unfilled(cls):
        return
    fill, state, members = whole
    fill(cls, state)
    for name, attributes in members.items():
        cls.__members__[name].__dict__.update(attributes)
    _mind(cls.__module__)


def _make_class(metaclass: type[Any], name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type[Any]:
    """A class without its attributes.

    Its metaclass's `__new__` and its bases' `__init_subclass__` have run at its home, and what they did comes with it:
    those of others that travel are not run again, nor those that want keywords.
    """
    maker = next(each for each in metaclass.__mro__ if id(each) not in _registry.by_id)
    make = (
        type.__new__ if maker is TYPED_DICT else maker.__new__
    )  # the former's wants what its class statement had
    hooked = [each for base in bases for each in base.__mro__ if "__init_subclass__" in vars(each)]
    travelled = [each for each in hooked if id(each) in _registry.by_id]
    try:
        with _without_hooks(travelled):
            made: type[Any] = make(metaclass, name, bases, dict(body))
    except TypeError:
        with _without_hooks([each for each in hooked if not _is_builtin(each)]):
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


def _make_function(code: types.CodeType, space: dict[str, Any], cells: Any) -> types.FunctionType:
    return types.FunctionType(code, space, None, None, cells or None)


def _fill_function(function: types.FunctionType, whole: tuple[Any, ...]) -> None:
    if _take_unfilled(function):
        _fill_closure(function, whole)


def _fill_closure(function: types.FunctionType, whole: tuple[Any, ...]) -> None:
    attributes, slots, used, editions = whole
    space = _registry.spaces_by_id[id(function.__globals__)]
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


def _space(identity: bytes, base: dict[str, Any]) -> dict[str, Any]:
    space = _registry.spaces.get(identity)
    if space is None:
        values = {**base, "__builtins__": __builtins__}
        space = _Space(identity, base, values)
        _remember(space)
    return space.values


def _add_globals(space: _Space, used: dict[str, Any], editions: dict[str, int]) -> None:
    for name, value in used.items():
        edition = editions.get(name, 0)
        if name not in space.values or edition > space.editions.get(name, edition):
            space.values[name] = value
            space.editions[name] = edition


def _make_code(args: tuple[Any, ...], filename: str, lines: tuple[str, ...]) -> types.CodeType:
    if lines and filename not in linecache.cache:
        linecache.cache[filename] = (sum(map(len, lines)), None, list(lines), filename)
    return types.CodeType(*args)
