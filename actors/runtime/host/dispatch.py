"""Which method of an actor receives which message: the table `receives` of its class, checked when the class is made.

A name that is misspelt, or a method that was renamed, is then an error at import, and not with the first such message.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from peerage.actors.runtime.host.hooks import is_generator

Receiver = Callable[[Any, Any], Any]  # a method, called with the actor and the message


def receivers_of(cls: type[Any]) -> dict[type, Receiver]:
    """The methods that receive messages, by message class: a class's own table goes before those of its bases.

    The tables hold names and not functions for that reason: a method that the class overrides is the one that receives,
    whoever has listed its name.

    Raises: TypeError, when a table names something that is not a method of the class, or is an asynchronous generator.
    """
    names: dict[type, str] = {}
    for base in reversed(cls.__mro__):
        own: Mapping[type, str] = vars(base).get("receives", {})
        names.update(own)
    return {message_class: _method(cls, message_class, name) for message_class, name in names.items()}


def _method(cls: type[Any], message_class: type, name: str) -> Receiver:
    # Looked up as it stands in the class: `getattr` would run the code of properties and other descriptors.
    found = inspect.getattr_static(cls, name, None)
    where = f"{cls.__qualname__}.receives: {message_class.__qualname__} goes to {name!r}"
    if is_generator(found):
        raise TypeError(f"{where}, which is an asynchronous generator: nobody would await it")
    if not isinstance(found, FunctionType):
        raise TypeError(f"{where}, which is no method of {cls.__qualname__}")
    return found


def nearest(receivers: dict[type, Receiver], message_class: type) -> Receiver | None:
    """The method for a message whose class is not listed itself, but one of its bases is; None if none is.

    The nearest base decides, as with methods. It is entered in `receivers`, so that the next such message is found directly.
    """
    for base in message_class.__mro__:
        if (receiver := receivers.get(base)) is not None:
            receivers[message_class] = receiver
            return receiver
    return None
