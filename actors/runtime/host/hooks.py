"""The hooks that a host calls on an actor, and which of them may be `async def`.

The others must be plain functions: nobody would await what a coroutine function returns. Without a check, such a hook would
run none of its code, and the only sign would be a warning of Python's, at some later time, about a coroutine never awaited.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from typing import Any

_checked: weakref.WeakKeyDictionary[type[Any], list[object]] = weakref.WeakKeyDictionary()
"""The hooks of classes that were found to be plain functions."""

HOOKS = ("on_restore", "on_start", "on_receive", "on_stop", "on_failure", "on_down")
"""Those of every actor."""

AWAITED = ("on_restore", "on_start", "on_receive", "on_stop", "on_down")
"""Those of them that may be `async def`. `on_failure` may not: nothing of the actor runs after it."""


def refuse_async(cls: type[Any]) -> None:
    """Check the hooks of an actor class, which its `hook_names` list: when it is made, and again when it is started, because
    methods can be set in between.

    Raises: TypeError, when a hook is `async def` that is not among its `awaited_hooks`, or is an asynchronous generator,
        whether the class defines it, inherits it or has it mixed in.
    """
    names: tuple[str, ...] = cls.hook_names
    hooks = [getattr(cls, name, None) for name in names]
    if _checked.get(cls) == hooks:  # looking closely takes longer than the rest of a start
        return
    for name in names:
        hook = inspect.getattr_static(cls, name, None)
        if is_async(hook) and (name not in cls.awaited_hooks or is_generator(hook)):
            owner = next((base for base in cls.__mro__ if name in vars(base)), cls)
            found = "" if owner is cls else f" (from {owner.__qualname__})"
            what = "an asynchronous generator" if is_generator(hook) else "`async def`"
            raise TypeError(
                f"{cls.__qualname__}.{name}{found} is {what}, which is not supported: nobody would await it. "
                f"Write `def {name}`; it can run a coroutine with self.runtime.spawn()"
            )
    _checked[cls] = hooks


def is_async(hook: object) -> bool:
    """Whether a call returns a coroutine or an asynchronous generator. A plain function that wraps one is no such hook."""
    function = _unwrapped(hook)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def is_generator(hook: object) -> bool:
    """Whether a call returns an asynchronous generator, which nobody can await."""
    return inspect.isasyncgenfunction(_unwrapped(hook))


def _unwrapped(hook: object) -> object:
    """What is called in the end. `inspect` does not look through all of what may wrap a function."""
    while True:
        if isinstance(hook, staticmethod | classmethod):
            hook = hook.__func__
        elif isinstance(hook, functools.partial | functools.partialmethod):
            hook = hook.func
        elif callable(hook) and not inspect.isroutine(hook) and not inspect.isclass(hook):
            return inspect.getattr_static(type(hook), "__call__", None)  # an object that is called
        else:
            return hook
