"""Pickles values for other processes, and beside them the definitions that these cannot import."""

from __future__ import annotations

import copyreg
import dataclasses
import io
import pickle
import types
import zlib
from collections.abc import Callable, Container
from typing import Any

from cloudpickle import cloudpickle

from peerage.actors.runtime.mail.building import known
from peerage.actors.runtime.mail.definitions import Definition, registry
from peerage.actors.runtime.mail.exceptions import reduce_exception
from peerage.actors.runtime.mail.importable import (
    imports_under_way,
    is_builtin,
    is_closure,
    is_importable,
    is_plain,
)
from peerage.actors.runtime.mail.packing import (
    REDUCERS,
    definition_of,
    reduce_class,
    reduce_closure,
    reduce_function,
)

SINGLETONS = {id(dataclasses.MISSING): "MISSING", id(dataclasses.KW_ONLY): "KW_ONLY"}

Buffers = Callable[[pickle.PickleBuffer], object]


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
    if not (careful or registry.is_careful or imports_under_way) and (
        id(kind) in registry.plain or is_plain(kind)
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
        if not registry.importable:
            raise
    registry.importable.clear()  # a module was reloaded: its old classes are nobody's now
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


def _reduce(what: Any, kept_there: Container[bytes]) -> Any:
    """What a message holds of a class or function."""
    if is_importable(what):
        return NotImplemented
    if is_builtin(what):
        return cloudpickle._class_reduce(what)  # noqa: SLF001
    if is_closure(what):
        return reduce_closure(what)
    with registry.locked():
        definition = definition_of(what)
        if definition.kept is not None and definition.identity in kept_there:
            return definition.short
        if not definition.reduction:
            _pack(definition, what)
    return definition.reduction


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
        definition = registry.by_id.get(id(value))
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
        definition = registry.by_id.get(id(value))
        if definition is not None and definition.reduction and definition.identity.startswith(registry.token):
            with registry.locked():
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
            return NotImplemented if is_importable(value) else reduce_function(value)
        if isinstance(value, type):
            if is_importable(value):
                return NotImplemented
            if is_builtin(value):
                return super().reducer_override(value)
            return reduce_class(value)
        if isinstance(value, BaseException):
            return reduce_exception(value, chained=True, forced=False)
        if id(value) in SINGLETONS:
            return getattr, (dataclasses, SINGLETONS[id(value)])
        return super().reducer_override(value)


class _Reducers:
    """How instances of some classes are pickled: cloudpickle's ways and those that programs registered, as one dict."""

    def __init__(self) -> None:
        self.known = 0
        self.own = {**cloudpickle.Pickler._dispatch_table, **REDUCERS}  # noqa: SLF001
        self.renew()

    def renew(self) -> None:
        self.known = len(copyreg.dispatch_table)
        _MessagePickler.dispatch_table = {**copyreg.dispatch_table, **self.own}
        _DefinitionPickler.dispatch_table = _MessagePickler.dispatch_table


_reducers = _Reducers()
