"""Looks at the code of a reactor as it is now, in a process that has imported nothing of it yet.

Whoever wants to start a reactor anew with new code learns so whether that can be, while the old one goes on.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from peerage.actors.reactors.reactor import Reactor
from peerage.actors.runtime import ProcessActor
from peerage.wire.channel import ChannelDescriptor

__all__ = ["ReactorInspector", "bare"]


def bare(channels: Iterable[ChannelDescriptor]) -> tuple[ChannelDescriptor, ...]:
    """Channels as peers and peer hosts know them: what a reactor decodes messages to is its own business."""
    return tuple(replace(descriptor, message=None) for descriptor in channels)


class ReactorInspector(ProcessActor):
    """Imports a reactor when it is started. Answer to any message: what is wrong with it, a line; empty if nothing is.

    Args: module, name, of its class; channels, `bare` ones, that it must have.
    """

    def __init__(self, module: str, name: str, channels: Sequence[ChannelDescriptor]) -> None:
        super().__init__()
        self._fault = _fault_of(module, name, tuple(channels))

    def on_receive(self, message: Any) -> str:
        return self._fault


def _fault_of(module: str, name: str, channels: tuple[ChannelDescriptor, ...]) -> str:
    try:
        found = getattr(importlib.import_module(module), name, None)
        if not (isinstance(found, type) and issubclass(found, Reactor)):
            return f"{name!r} in {module!r} is no class derived from peerage.Reactor"
        now = bare(found.channels)
    except (Exception, SystemExit) as error:  # importing somebody's module can raise anything
        return " ".join(f"{module!r} cannot be imported: {type(error).__name__}: {error}".split())
    if sorted(now, key=_id) == sorted(channels, key=_id):
        return ""
    if ids(now) != ids(channels):
        return f"its channels are {ids(now)}, and peers were told {ids(channels)}: a restart of the node can change them"
    changed = [each for each in now if each not in channels]
    return (
        f"channel {ids(changed)} is not as connections were made with: a restart of the node can change that"
    )


def _id(descriptor: ChannelDescriptor) -> int:
    return descriptor.id


def ids(channels: Iterable[ChannelDescriptor]) -> str:
    """The IDs of channels, for a line."""
    return ", ".join(f"{number:#04x}" for number in sorted(map(_id, channels))) or "none"
