"""What a program hears from its node unasked: events, messages of peers, the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from peerage.actors.events.happenings import Happening, NodeEvent
from peerage.supervisors.node.awaiting import AwaitedNode
from peerage.supervisors.node.errors import UnknownChannelError
from peerage.supervisors.node.event_feed import EventFeed, H, check_callback
from peerage.supervisors.node.log import NodeLog
from peerage.supervisors.node.subscription import Subscription
from peerage.wire.channel import ChannelDescriptor, WhenFull

if TYPE_CHECKING:
    from peerage.actors.reactors.reactor import Envelope
    from peerage.supervisors.node.program_inbox import ProgramInbox

__all__ = ["SubscribedNode", "inbox_for"]


class SubscribedNode(AwaitedNode):
    """The part of `Node` that tells. None of it waits; in a forked child it raises NodeNotRunningError."""

    _events: EventFeed
    _inbox: ProgramInbox | None
    _on_end: list[Callable[[], None]]

    def on_end(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, from a thread of the node's, when the node has ended in whichever way, each
        time that it ends.

        Raises: TypeError, for what cannot be called, and for a coroutine function.
        """
        check_callback(callback)
        self._on_end.append(callback)

    def events(self, *kinds: type[Happening]) -> Subscription[NodeEvent]:
        """What happens in the node from now on, of these kinds or of all, for `for` and `async for`. See `Subscription`.

        Before the start it begins with that. Ends with the node. A reader that is 1000 events behind loses the oldest, and
        `missed` counts them. Never waits. Raises: TypeError, for what is no kind of event.
        """
        self._lives.check_process()
        return self._events.subscribe(kinds)

    def messages(self, *channel_ids: int, when_full: WhenFull | None = None) -> Subscription[Envelope]:
        """What peers send on these channels from now on, or on all that come to the program, for `for` and `async for`.

        Those of the node's own `channels` come, and those of reactors derived from `Relay`. Before the start it begins with
        that; it ends with the node. A reader may be 1000 messages or 16 MiB behind. Then `when_full` decides, by default
        that of the channel: WAIT, and SPILL, hold the reactor up, and in the end the peers; with DROP_NEWEST `missed` counts
        what is lost. On a channel that nobody reads, messages are dropped. Never waits.

        Raises: UnknownChannelError, a ValueError.
        """
        self._lives.check_process()
        if self._inbox is None:
            raise UnknownChannelError(next(iter(channel_ids), None), ())
        return self._inbox.subscribe(channel_ids, when_full)

    def on(self, kind: type[H], callback: Callable[[H], object]) -> Callable[[], None]:
        """Have `callback` called with everything of this kind that happens, in each life of the node.

        A thread of the node's calls it ("node-callbacks", one for all callbacks), which may take its time: whoever is 1000
        events behind loses the oldest. What it raises is logged, and does the node no harm.

        Returns: a function that ends it. Raises: TypeError, for what is no kind of event, for what cannot be called, and for
            a coroutine function: nobody would await it.
        """
        self._lives.check_process()
        return self._events.on(kind, callback)


def inbox_for(relayed: Mapping[int, ChannelDescriptor], log: NodeLog) -> ProgramInbox | None:
    """Make one for what relays pass on to the program. Nobody else here needs what reactors are made of."""
    if not relayed:
        return None
    from peerage.supervisors.node.program_inbox import ProgramInbox

    return ProgramInbox(relayed, log)
