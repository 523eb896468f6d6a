"""A chat: what is typed into one node is read at all that are connected to it.

    python chat.py anna                             prints its address
    python chat.py bert ID@127.0.0.1:PORT           with the address that anna printed

Whatever a peer sends is checked: a line has a length, and only so many in a second are read.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import msgspec

from peerage import ChannelDescriptor, Config, Envelope, Node, Peer, Reactor

CHAT = 0x70
MOST_LETTERS = 500  # of a line
MOST_LINES = 100  # that are remembered
LINES_PER_SECOND = 5.0  # of one peer, after a burst of as many


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes over the network."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_LETTERS)]


@dataclass(frozen=True, slots=True)
class Say:
    """From our own program: tell all peers. Raises: ValueError, the line is empty or too long."""

    text: str


@dataclass(frozen=True, slots=True)
class GetLines:
    """From our own program. Answer: the last lines, each as (ID of who said it, text)."""


class Allowance:
    """How many lines a peer may still say: a bucket that fills with time."""

    def __init__(self) -> None:
        self._left, self._since = LINES_PER_SECOND, time.monotonic()

    def take(self) -> bool:
        """Take one. Returns: False, there is none left."""
        now = time.monotonic()
        self._left = min(LINES_PER_SECOND, self._left + (now - self._since) * LINES_PER_SECOND)
        self._since = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class Chat(Reactor):
    """Remembers and prints what peers say."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        # A letter may take 4 bytes; the rest is for the name of the field.
        ChannelDescriptor(id=CHAT, send_queue_capacity=20, recv_message_capacity=4 * MOST_LETTERS + 100),
    )

    def on_start(self) -> None:
        self._lines: deque[tuple[str, str]] = deque(maxlen=MOST_LINES)
        self._allowances: dict[str, Allowance] = {}

    def init_peer(self, peer: Peer) -> None:
        self._allowances[peer.id] = Allowance()

    def receive(self, envelope: Envelope) -> None:
        peer = envelope.source
        try:
            line = msgspec.msgpack.decode(envelope.message, type=Line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            peer.stop(f"no line of a chat: {error}")
            return
        if self._allowances[peer.id].take():  # else it is lost: nobody reads so fast
            self._lines.append((peer.id, line.text))
            # A terminal obeys some characters, so a stranger's are shown as what they are.
            sys.stdout.write(f"{peer.id[:6]}: {line.text.encode('unicode_escape').decode()}\n")
            sys.stdout.flush()

    def remove_peer(self, peer: Peer, reason: str) -> None:
        del self._allowances[peer.id]

    def handle(self, message: Any) -> list[tuple[str, str]] | None:
        match message:
            case Say(text):
                if not 1 <= len(text) <= MOST_LETTERS:
                    raise ValueError(f"a line has 1 to {MOST_LETTERS} letters, not {len(text)}")
                self.broadcast(CHAT, msgspec.msgpack.encode(Line(text)))
                return None
            case GetLines():
                return list(self._lines)
        raise TypeError(f"found {message!r}, expected: Say or GetLines")


def main(name: str, *friends: str) -> None:
    """Chat until standard input ends."""
    config = Config(
        home=f"chat-{name}",
        network="chat",
        moniker=name,
        log_level="error",
        p2p={"laddr": "tcp://127.0.0.1:0", "addr_book_strict": False, "allow_duplicate_ip": True},
        rpc={"laddr": ""},
    )
    with Node(config, {"CHAT": Chat}) as node:
        sys.stdout.write(f"dial {node.address}\n")
        sys.stdout.flush()
        for friend in friends:
            node.dial(friend, persistent=True)
        for line in sys.stdin:
            if text := line.strip()[:MOST_LETTERS]:
                node.reactor("CHAT").tell(Say(text))


if __name__ == "__main__":
    main(*sys.argv[1:])
