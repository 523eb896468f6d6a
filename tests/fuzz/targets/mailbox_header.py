"""What comes to a mailbox. An input: kind, flags, target's and sender's length, how many frames follow, and their bytes.

With an odd kind the whole input is the message of a stranger, which does not begin with the system's key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import zmq

from peerage.actors.runtime.mail.envelope import BODY_APART, FRAMES, HEADER, KEY_BYTES, LARGE_FRAMES, Kind
from peerage.actors.runtime.mail.inbox import NOBLOCK, Inbox
from peerage.actors.runtime.mail.taken_blocks import LeaseError
from tests.fuzz.target import Target

KEY = bytes(range(KEY_BYTES))
ENDPOINT = "inproc://fuzz"
SOURCE, NUMBER = 5 << 20, 9
HEAD = 5
MARKS = (
    FRAMES | BODY_APART | 8 | 16 | 32 | 64
)  # without large frames and shared memory, which are not in the header


class Scene:
    """A mailbox, a socket that leads to it, and what was made of what came."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.refused: list[bytes] = []
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        handlers = [self._handler(kind) for kind in range(max(Kind) + 1)]
        self.inbox = Inbox(context, ENDPOINT, KEY, handlers, self._take, self._refuse)
        self.push = context.socket(zmq.PUSH)
        self.push.connect(ENDPOINT)

    def _handler(self, kind: int) -> Any:
        return lambda *message: self.heard.append((kind, *message))

    def _take(self, *_: object) -> Any:
        raise LeaseError("nothing is shared")

    def _refuse(self, _mailbox: str, data: bytes) -> None:
        self.refused.append(data)

    def send(self, frames: Sequence[bytes]) -> None:
        self.push.send_multipart(frames)

    def receive(self) -> None:
        """All that has come."""
        while self.inbox.has_arrivals():
            self.inbox.receive(NOBLOCK)


@cache
def _scene() -> Scene:
    return Scene()


def check(data: bytes) -> None:
    """A message with the key is taken apart as it was put together, one without it is refused; the next one is whole."""
    if len(data) < HEAD:
        return
    scene = _scene()
    scene.heard.clear()
    scene.refused.clear()
    kind, rest = data[0], data[HEAD:]
    count = data[4] % 4
    step = max(1, len(rest) // (count + 1))
    frames = [rest[at * step : (at + 1) * step if at < count else None] for at in range(count + 1)]
    if kind % 2:
        if frames[0].startswith(KEY):
            return  # no stranger: whoever has the key is one of our own processes, which does not misstate its frames
        scene.send(frames)
    else:
        expected = _send(
            scene, 1 + kind // 2 % max(Kind), data[1] & MARKS, data[2] % 40, data[3] % 40, frames
        )
    _send(scene, Kind.TELL, 0, 6, 1, [b"targetsbody"])
    scene.receive()
    witness = scene.heard.pop()
    assert witness == (Kind.TELL, 0, SOURCE, NUMBER, b"target", b"s", b"body", (), 4)
    if kind % 2:
        assert scene.heard == []
        assert scene.refused == [frames[0]]
    else:
        assert scene.heard == [expected]
        assert scene.refused == []


def _send(
    scene: Scene, kind: int, marks: int, target: int, sender: int, frames: Sequence[bytes]
) -> tuple[Any, ...]:
    """Send as a port does. Returns: what the handler is to be called with."""
    first, *extras = frames
    target, sender = min(target, len(first)), min(sender, max(0, len(first) - target))
    if not extras:
        marks &= ~BODY_APART
    if extras:
        marks |= FRAMES
    header = HEADER.pack(KEY, kind, marks, len(extras), SOURCE, NUMBER, target, sender)
    scene.send([header + first, *extras])
    end = target + sender
    body, others = first[end:], list(extras)
    size = len(body) + sum(map(len, others))
    if marks & BODY_APART:
        body = others.pop(0)
    names = first[:target], first[target:end]
    assert not marks & LARGE_FRAMES
    return kind, marks, SOURCE, NUMBER, *names, body, others if extras else (), size


def corpus() -> Iterator[bytes]:
    """Messages of every kind, with and without frames, and those of strangers."""
    for kind in Kind:
        yield bytes((2 * (kind - 1), kind * 7 % 256, 6, 1, kind % 4)) + b"targetsbody of the message" * 3
    for stranger in (
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        KEY[:-1],
        KEY[1:] + b"x",
        bytes(100),
        bytes((3, 9)) + KEY,
    ):
        for count in range(4):
            yield bytes((1, 0, 0, 0, count)) + stranger


TARGET = Target(corpus, check, kept=5)  # it has two dozen branches
