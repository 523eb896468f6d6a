"""Exceptions that travel as they were raised, without a call of their constructor.

Pickle's own way is to call the class with `args` again. Where a constructor takes anything else than what it hands to
`super().__init__`, that fails or gives another exception. So the object is made without it, and gets back what it had:
`args`, its attributes, what the interpreter keeps of it (`errno`, say), `__cause__` and `__context__`.

A class that has a `__reduce__` of its own is asked for that first: its author has thought about pickling. Where that fails,
the codec tries again and forces the way of this module (`_WAYS` in `codec.py`).
"""

from __future__ import annotations

import contextlib
import copyreg
import types
from typing import Any

BUILTIN = "builtins"
# `args` is kept anyway. An AttributeError's `obj` is whatever had no such attribute, and may be the whole program.
NOT_MEMBERS = frozenset({"args", "obj"})
NOT_KEPT = (BaseException, Exception, BaseExceptionGroup)  # none has members that can be set
CHAIN = ("__cause__", "__context__", "__suppress_context__")


def reduce_exception(error: BaseException, *, chained: bool, forced: bool) -> Any:
    """What pickle's `reducer_override` returns for an exception.

    Args:
        error: any.
        chained: with `__cause__` and `__context__`, which may be what cannot be pickled.
        forced: without asking its class for a `__reduce__` of its own.
    """
    cls = type(error)
    if not forced and _has_own_way(cls):
        return NotImplemented
    made_from: tuple[Any, ...] = ()
    # A group's exceptions are given to `__new__` alone: nothing can set them later.
    if isinstance(error, BaseExceptionGroup):
        made_from = error.message, list(error.exceptions)
    members = {name: value for name in _members(cls) if (value := getattr(error, name, None)) is not None}
    chain = {name: value for name in CHAIN if (value := getattr(error, name))} if chained else {}
    state = (error.args, vars(error), members, chain)
    # Pickle sets the state when it has noted the object: a chain of contexts may lead back to where it began.
    return _make, (cls, made_from), state, None, None, _restore


def _has_own_way(cls: type[BaseException]) -> bool:
    """Whether its author has said how it is pickled. OSError and others of Python's have a way too, which does not count."""
    if cls in copyreg.dispatch_table:
        return True
    for name in ("__reduce__", "__reduce_ex__"):
        owner = next(each for each in cls.__mro__ if name in vars(each))
        if owner.__module__ != BUILTIN:
            return True
    return False


def _builtin_base(cls: type[BaseException]) -> type[BaseException]:
    return next(each for each in cls.__mro__ if each.__module__ == BUILTIN)


def _members(cls: type[BaseException]) -> list[str]:
    """Names of what an instance holds outside its `__dict__`."""
    names = list(copyreg._slotnames(cls))  # type: ignore[attr-defined]  # noqa: SLF001 - as pickle itself does
    for base in cls.__mro__:
        if base.__module__ == BUILTIN and base not in NOT_KEPT and issubclass(base, BaseException):
            names += [
                name
                for name, value in vars(base).items()
                if isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType)
                and name not in NOT_MEMBERS
                and not name.startswith("__")
            ]
    return names


def _make(cls: type[BaseException], made_from: tuple[Any, ...]) -> BaseException:
    """An exception without a call of its constructor, nor of a `__new__` of the program's, which may want arguments too."""
    try:
        return _builtin_base(cls).__new__(cls, *made_from)
    except TypeError:  # a class of an extension, with a layout of its own
        return cls.__new__(cls, *made_from)


def _restore(error: BaseException, state: tuple[Any, ...]) -> None:
    """Give it back what it had; not by way of a `__setattr__` of its class, which may refuse or convert."""
    args, attributes, members, chain = state
    BaseException.__setattr__(error, "args", args)
    for name, value in (members | chain).items():
        with contextlib.suppress(AttributeError, TypeError):  # some can only be read
            BaseException.__setattr__(error, name, value)
    error.__dict__.update(attributes)
