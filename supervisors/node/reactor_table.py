"""The reactors of a node: by name, with their classes, arguments and channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from peerage.actors.reactors.pex_channel import PEX_DESCRIPTOR
from peerage.supervisors.node.errors import UnknownReactorError
from peerage.supervisors.node.parts import PEX_REACTOR
from peerage.supervisors.spec import Start
from peerage.wire.channel import ChannelDescriptor

if TYPE_CHECKING:
    from peerage.actors.reactors.reactor import Reactor

PEX = "PEX"

ReactorSpec: TypeAlias = (
    "type[Reactor] | tuple[Any, ...]"  # a class, or a class and the arguments of its constructor
)


class ReactorTable:
    """What an embedder registers, with peer exchange before it if that is on.

    Attributes: channels, in the order of registration; routes, which reactor each channel belongs to.
    Raises: ValueError, when a name or a channel is used twice.
    """

    def __init__(self, reactors: Mapping[str, ReactorSpec], *, pex: bool) -> None:
        self._specs: dict[str, tuple[Any, ...]] = {
            name: spec if isinstance(spec, tuple) else (spec,) for name, spec in reactors.items()
        }
        if pex:
            if PEX in self._specs:
                raise ValueError(
                    f"reactor name {PEX!r} is taken by peer exchange; switch p2p.pex off to bring your own"
                )
            self._specs = {PEX: (PEX_REACTOR,), **self._specs}
        self.channels, self.routes = _routes_of(self._specs)

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of registration."""
        return tuple(self._specs)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that their classes are in, peer exchange left out; not the program itself, which nobody can import."""
        classes = [actor_class for actor_class, *_ in self._specs.values() if actor_class is not PEX_REACTOR]
        modules = dict.fromkeys(actor_class.__module__ for actor_class in classes)
        return tuple(module for module in modules if module != "__main__")

    def starts(self) -> Iterator[tuple[str, Start]]:
        """Yield each name, and how its reactor is started."""
        for name, (actor_class, *args) in self._specs.items():
            yield name, Start.of(actor_class, *args)

    def check(self, name: str) -> None:
        """Raises: UnknownReactorError, when there is no reactor of this name."""
        if name not in self._specs:
            raise UnknownReactorError(name, self.names)


def _routes_of(
    reactors: Mapping[str, tuple[Any, ...]],
) -> tuple[tuple[ChannelDescriptor, ...], dict[int, str]]:
    channels: list[ChannelDescriptor] = []
    routes: dict[int, str] = {}
    for name, (actor_class, *_) in reactors.items():
        own = (PEX_DESCRIPTOR,) if actor_class is PEX_REACTOR else actor_class.channels
        for descriptor in own:
            if descriptor.id in routes:
                raise ValueError(
                    f"channel {descriptor.id:#04x} of reactor {name!r} belongs to {routes[descriptor.id]!r}"
                )
            routes[descriptor.id] = name
            channels.append(descriptor)
    return tuple(channels), routes
