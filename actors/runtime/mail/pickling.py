"""Pickles values for other processes, and beside them the definitions that these cannot import.

Three ways, the cheapest first:

- plain `pickle.dumps`, for a value whose class can be imported elsewhere: right for nearly all messages, and for containers
  half the cost of the next. We do not know what lies deeper inside, so its result is searched for names in `__main__`;
- a pickler that is asked about each class and function on its way (`_MessagePickler`), when there are such names, when plain
  pickle fails, or must not be tried since it would import modules;
- for the definitions themselves, cloudpickle's pickler, with our way of taking apart classes and functions (`packing.py`).
"""

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

# Dataclasses refer to these, and compare with `is`; pickle would make others of them.
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
        buffers: the list that `collect` fills. It is emptied when a way fails halfway and the next one begins.
        collect: pickle's `buffer_callback`, which lets buffers travel beside the pickle.
        kept_there: identities of definitions that the receiver is known to keep: the definitions are left out.
        careful: do not try plain pickle, which names each class by its module: the receiver would import that.
        anew: pack definitions of this process as they are now, for a process that has none yet.

    Raises: whatever pickling the value raises.
    """
    kind = type(value)
    # While any thread is importing, a class may be of a module that is not finished; once one was met, so may any later.
    if not (careful or registry.is_careful or imports_under_way) and (
        id(kind) in registry.plain or is_plain(kind)
    ):
        try:
            body = pickle.dumps(value, 5, buffer_callback=collect)
        except (pickle.PicklingError, AttributeError, TypeError):
            pass  # a lambda, a local class
        else:
            # Over there, `__main__` (or `__mp_main__`) is another module. The text may also stand in the value itself: then
            # it is pickled once more for nothing.
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
    # "It's not the same object as …": a module was loaded again, and its old classes, which could be imported when they were
    # looked at, cannot any more. Look at all of them afresh.
    registry.importable.clear()
    if buffers is not None:
        buffers.clear()
    return _dump_with(pickler, value, collect, kept_there)  # if this fails, it is for another reason


def dumps_error(error: BaseException, *, chained: bool, forced: bool) -> bytes:
    """Pickle an exception. Args: as of `reduce_exception`, and they hold for the exceptions inside as well."""
    return _dump_with(_error_picklers[chained, forced], error)


def _dump_with(
    kind: type[_MessagePickler],
    value: Any,
    collect: Buffers | None = None,
    kept_there: Container[bytes] = (),
) -> bytes:
    if len(copyreg.dispatch_table) != _reducers.known:  # the program has registered more since
        _reducers.renew()
    out = io.BytesIO()
    pickler = kind(out, 5, buffer_callback=collect)
    pickler.kept_there = kept_there  # an attribute: the constructor is pickle's, in C
    pickler.dump(value)
    return out.getvalue()


def _reduce(what: Any, kept_there: Container[bytes]) -> Any:
    """What a message holds of a class or function, in the form that pickle's `reducer_override` returns."""
    if is_importable(what):
        return NotImplemented
    if is_builtin(what):
        return cloudpickle._class_reduce(what)  # noqa: SLF001
    if is_closure(what):  # what it closes over may be another value at the next sending
        return reduce_closure(what)
    with registry.locked():  # of two threads that send it for the first time, one packs it
        definition = definition_of(what)
        if definition.kept is not None and definition.identity in kept_there:
            return definition.short
        if not definition.reduction:
            _pack(definition, what)
    return definition.reduction


def _pack(definition: Definition, what: Any) -> None:
    """Pack a definition, once for all messages. Compressed lightly: it goes with each message whose receiver is not known to
    keep it, and with all of `tell_many`.
    """
    out = io.BytesIO()
    _DefinitionPickler(out, protocol=5).dump(what)
    definition.packed = zlib.compress(out.getvalue(), 1)
    definition.reduction = known, (definition.identity, definition.packed)


class _MessagePickler(pickle.Pickler):
    """Pickles a value, and names by their identities the classes and functions that others cannot import."""

    dispatch_table: dict[type, Callable[[Any], Any]]  # asked after `reducer_override`; see `_Reducers`
    kept_there: Container[bytes]
    _chained, _forced = True, False  # for exceptions inside the value

    def reducer_override(self, value: Any) -> Any:
        # Called for each object that pickle has no quick way for, so the usual case comes first: a class that is known, and
        # packed. `id` identifies it, since a definition is forgotten when its class is.
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
    """For what a new process begins with: globals and class attributes as they are now, not as they were when first packed.

    A notebook's actor that is started again after a helper was redefined would otherwise work with the old one. Only what
    this process has defined: of anything else it does not know better than what it was sent.
    """

    def reducer_override(self, value: Any) -> Any:
        definition = registry.by_id.get(id(value))
        # The new packing replaces the old one for everybody, under the same identity: those who have the class keep theirs.
        if definition is not None and definition.reduction and definition.identity.startswith(registry.token):
            with registry.locked():
                _pack(definition, value)
            return definition.reduction
        return super().reducer_override(value)


# A class for each pair of choices: they must be set before `dump` asks about the first object, and a class is made once.


def _error_pickler(*, chained: bool, forced: bool) -> type[_MessagePickler]:
    return type("_ErrorPickler", (_MessagePickler,), {"_chained": chained, "_forced": forced})


# The four ways that the codec tries in turn.
_error_picklers = {
    (chained, forced): _error_pickler(chained=chained, forced=forced)
    for chained in (False, True)
    for forced in (False, True)
}


class _DefinitionPickler(cloudpickle.Pickler):  # type: ignore[misc]  # without types
    """Packs one definition, with all that it uses and others cannot import.

    Everything inside goes whole, never by an identity alone: the packed bytes are forwarded to processes that nobody knows
    yet. Instances of the classes inside, and what functions close over, go cloudpickle's way.
    """

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType):
            return NotImplemented if is_importable(value) else reduce_function(value)
        if isinstance(value, type):
            if is_importable(value):
                return NotImplemented
            if is_builtin(value):
                return super().reducer_override(value)
            return reduce_class(value)
        if isinstance(value, BaseException):  # one that a class or a global holds
            return reduce_exception(value, chained=True, forced=False)
        if id(value) in SINGLETONS:  # pickled as what they are called
            return getattr, (dataclasses, SINGLETONS[id(value)])
        return super().reducer_override(value)


class _Reducers:
    """How instances of some classes are pickled: cloudpickle's ways and those that programs registered, as one dict.

    Ours win: a program that has registered a way for one of these classes has done so for plain pickle. One dict, because
    the `ChainMap` that cloudpickle uses is written in Python, and asked about each object.
    """

    def __init__(self) -> None:
        self.known = 0
        self.own = {**cloudpickle.Pickler._dispatch_table, **REDUCERS}  # noqa: SLF001
        self.renew()

    def renew(self) -> None:
        """Take in what programs have registered with `copyreg`. Its length shows that there is more: nobody removes any."""
        self.known = len(copyreg.dispatch_table)
        _MessagePickler.dispatch_table = {**copyreg.dispatch_table, **self.own}
        _DefinitionPickler.dispatch_table = _MessagePickler.dispatch_table


_reducers = _Reducers()
