"""The reactors of a node: by name, with their classes, arguments and channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from peerage.actors.reactors.peer_handle import classes_of
from peerage.actors.reactors.pex_channel import PEX_DESCRIPTOR
from peerage.supervisors.node.errors import UnknownReactorError
from peerage.supervisors.node.parts import PEX_REACTOR, PROGRAM_RELAY
from peerage.supervisors.spec import Start
from peerage.wire.channel import ChannelDescriptor

if TYPE_CHECKING:
    from peerage.actors.reactors.reactor import Reactor

PEX = "PEX"
PROGRAM = "PROGRAM"  # the name of the relay for the program's own channels

# A class; a class and the arguments of its constructor; or how it is started, to place it on a cluster, say.
ReactorSpec: TypeAlias = "type[Reactor] | tuple[Any, ...] | Start"


class ReactorTable:
    """What an embedder registers, with peer exchange before it if that is on.

    Args: own_channels, of the program itself: a relay passes their messages on to it.
    Attributes: channels, in the order of registration; routes, which reactor each channel belongs to; classes, of the
        messages that are not plain bytes, by channel; relayed, by number, the channels whose messages come to the program.
    Raises: ValueError, when a name or a channel is used twice.
    """

    def __init__(
        self,
        reactors: Mapping[str, ReactorSpec],
        *,
        pex: bool,
        own_channels: Iterable[ChannelDescriptor] = (),
    ) -> None:
        if not isinstance(reactors, Mapping):
            raise TypeError(
                f'reactors is {reactors!r}; classes by their names are expected, {{"ECHO": Echo}}'
            )
        for name in reactors:
            if not isinstance(name, str) or not name:
                raise TypeError(f'a reactor is called {name!r}; a name is expected, such as "ECHO"')
        self._starts = {name: _start_of(spec) for name, spec in reactors.items()}
        if pex:
            if PEX in self._starts:
                raise ValueError(
                    f"reactor name {PEX!r} is taken by peer exchange; switch p2p.pex off to bring your own"
                )
            self._starts = {PEX: Start.of(PEX_REACTOR), **self._starts}
        own_channels = _descriptors("channels", own_channels)
        if own_channels:
            if PROGRAM in self._starts:
                raise ValueError(
                    f"reactor name {PROGRAM!r} is taken by the relay for `channels`; call yours something else"
                )
            self._starts[PROGRAM] = Start.of(PROGRAM_RELAY)
        self.channels, self.routes = _routes_of(self._starts, own_channels)
        relays = {name for name, start in self._starts.items() if _passes_on(start.actor_class)}
        self.classes = classes_of(self.channels)
        self.relayed = {each.id: each for each in self.channels if self.routes[each.id] in relays}

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of registration."""
        return tuple(self._starts)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that their classes are in, peer exchange left out; not the program itself, which nobody can import."""
        ours = {PEX_REACTOR, PROGRAM_RELAY}
        classes = [start.actor_class for start in self._starts.values() if start.actor_class not in ours]
        modules = dict.fromkeys(actor_class.__module__ for actor_class in classes)
        return tuple(module for module in modules if module != "__main__")

    def starts(self) -> Iterator[tuple[str, Start]]:
        """Yield each name, and how its reactor is started."""
        yield from self._starts.items()

    def check(self, name: str) -> None:
        """Raises: UnknownReactorError, when there is no reactor of this name."""
        if name not in self._starts:
            raise UnknownReactorError(name, self.names)

    def check_channel(self, channel_id: int) -> None:
        """Raises: ValueError, if no reactor has this channel: nothing could be sent there."""
        if channel_id not in self.routes:
            known = ", ".join(f"{each:#04x}" for each in sorted(self.routes)) or "none"
            found = f"{channel_id:#04x}" if isinstance(channel_id, int) else repr(channel_id)
            raise ValueError(f"channel {found} is of no reactor of this node; those that are: {known}")


def _start_of(spec: Any) -> Start:
    if isinstance(spec, Start):
        return spec
    return Start.of(*spec) if isinstance(spec, tuple) else Start.of(spec)


def _routes_of(
    starts: Mapping[str, Start], own_channels: tuple[ChannelDescriptor, ...]
) -> tuple[tuple[ChannelDescriptor, ...], dict[int, str]]:
    channels: list[ChannelDescriptor] = []
    routes: dict[int, str] = {}
    for name, start in starts.items():
        actor_class: Any = start.actor_class
        own: Iterable[ChannelDescriptor]
        if actor_class is PEX_REACTOR:
            own = (PEX_DESCRIPTOR,)
        else:
            own = own_channels if actor_class is PROGRAM_RELAY else _channels_of(name, actor_class)
        for descriptor in own:
            if descriptor.id in routes:
                raise ValueError(
                    f"channel {descriptor.id:#04x} of reactor {name!r} belongs to {routes[descriptor.id]!r}"
                )
            routes[descriptor.id] = name
            channels.append(descriptor)
    return tuple(channels), routes


def _passes_on(actor_class: Any) -> bool:
    """Whether it is a relay: asked of the class, for nobody else need import what that is."""
    return actor_class is PROGRAM_RELAY or bool(getattr(actor_class, "passes_on", False))


def _channels_of(name: str, actor_class: Any) -> Iterable[ChannelDescriptor]:
    """Raises: TypeError, it is no class of a reactor. An object of one is a mistake that is easily made."""
    if not isinstance(actor_class, type) or not hasattr(actor_class, "channels"):
        raise TypeError(
            f"reactor {name!r} is {actor_class!r}; a class derived from peerage.Reactor is expected, "
            "or a tuple of one and the arguments of its constructor"
        )
    return _descriptors(f"reactor {name!r}: channels", actor_class.channels)


def _descriptors(name: str, channels: Any) -> tuple[ChannelDescriptor, ...]:
    """Raises: TypeError, they are something else."""
    found = tuple(channels) if isinstance(channels, Iterable) else ()
    if not isinstance(channels, Iterable) or not all(isinstance(each, ChannelDescriptor) for each in found):
        raise TypeError(f"{name} is {channels!r}; a list of ChannelDescriptor is expected")
    return found
