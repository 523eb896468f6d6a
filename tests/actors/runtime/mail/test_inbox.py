"""actors/runtime/mail/inbox.py: what arrives is taken apart and handed to the handler of its kind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
import zmq

from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.mail.envelope import BODY_APART, FRAMES, HEADER, LARGE_FRAMES, SHARED, Kind
from peerage.actors.runtime.mail.inbox import NOBLOCK, Inbox
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.taken_blocks import LeaseError
from tests.actors.runtime.mail.fakes import KEY

SOURCE, NUMBER = 5 << 20, 9
PATIENCE_S = 20.0


def nothing_shared(*_: object) -> Any:
    raise LeaseError("there is no shared memory here")


class Scene:
    """An inbox, a socket that sends to it, and what its handlers were called with."""

    def __init__(self, path: Path, user: int | None = None) -> None:
        self.path, self.context = path, zmq.Context()
        self.heard: list[tuple[Any, ...]] = []
        self.refused: list[bytes] = []
        handlers: list[Any] = [self._ignore] * (max(Kind) + 1)
        handlers[Kind.TELL] = self._handle
        self.inbox = Inbox(self.context, f"ipc://{path}", KEY, handlers, nothing_shared, self._refuse, user)
        self.push = self.context.socket(zmq.PUSH)
        self.push.connect(f"ipc://{path}")

    def _handle(self, *message: Any) -> None:
        self.heard.append(message)

    def _refuse(self, mailbox: str, data: bytes) -> None:
        assert mailbox == f"ipc://{self.path}"
        self.refused.append(data)

    def _ignore(self, *_message: Any) -> None:
        """Of another kind."""

    def send(self, body: bytes = b"", extras: Sequence[bytes] = (), flags: int = 0) -> None:
        """A tell from an actor called s to one called target."""
        header = HEADER.pack(KEY, Kind.TELL, flags, len(extras), SOURCE, NUMBER, len(b"target"), len(b"s"))
        self.push.send_multipart([header + b"target" + b"s" + body, *extras])

    def receive(self) -> tuple[Any, ...]:
        assert self.inbox.wait(PATIENCE_S)
        self.inbox.receive(NOBLOCK)
        return self.heard[-1]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "mailbox")
    yield made
    made.push.close(0)
    made.inbox.close()
    made.context.term()


def test_a_small_message_is_one_frame(scene: Scene) -> None:
    """Its header says where the names end and the body begins."""
    scene.send(b"the body", flags=64)
    assert scene.receive() == (64, SOURCE, NUMBER, b"target", b"s", b"the body", (), 8)


def test_frames_of_its_user_come_beside_the_body(scene: Scene) -> None:
    """The size counts them all."""
    scene.send(b"head", [b"one", b"two"], FRAMES)
    flags, *_names, body, extras, size = scene.receive()
    assert (flags, body, list(extras), size) == (FRAMES, b"head", [b"one", b"two"], 10)


def test_a_large_body_is_a_frame_of_its_own(scene: Scene) -> None:
    scene.send(b"", [b"x" * LARGE, b"one"], FRAMES | BODY_APART | LARGE_FRAMES)
    *_, body, extras, size = scene.receive()
    assert (len(body), list(extras), size) == (LARGE, [b"one"], LARGE + 3)


def test_large_frames_cannot_be_changed(scene: Scene) -> None:
    """Small ones are bytes: whoever got them may pass them on uncopied."""
    scene.send(b"head", [b"x" * LARGE, b"one"], FRAMES | LARGE_FRAMES)
    *_, extras, _size = scene.receive()
    assert memoryview(extras[0]).readonly
    assert type(extras[1]) is bytes


def test_memory_of_arrays_is_the_receivers_own(scene: Scene) -> None:
    """It may be written to, large or small."""
    scene.send(b"head", [b"x" * LARGE, b"one"], 0)
    *_, extras, _size = scene.receive()
    assert not any(memoryview(extra).readonly for extra in extras)


def test_an_empty_mailbox_raises(scene: Scene) -> None:
    with pytest.raises(zmq.Again):
        scene.inbox.receive(NOBLOCK)
    assert not scene.inbox.has_arrivals()


def test_all_that_is_there_is_handled_in_order(scene: Scene) -> None:
    """A burst at a time, up to about so many."""
    for number in range(300):
        scene.send(b"%d" % number)
    handled = 0
    while handled < 300:
        assert scene.inbox.wait(PATIENCE_S)
        handled += scene.inbox.drain(100)
    assert [int(message[5]) for message in scene.heard] == list(range(300))
    assert scene.inbox.drain(100) == 0


def test_a_signal_is_looked_at_once(scene: Scene) -> None:
    """One message is surely there after it, unless somebody else has read that."""
    scene.send(b"a")
    assert scene.inbox.wait(PATIENCE_S)
    scene.inbox.signal()
    assert scene.inbox.drain(1) == 1
    scene.inbox.signal()
    assert scene.inbox.drain(10) == 0


def test_it_is_known_to_be_drained_only_when_it_was_asked_and_had_no_more(scene: Scene) -> None:
    for number in range(3):
        scene.send(b"%d" % number)
    assert scene.inbox.wait(PATIENCE_S)
    assert scene.inbox.drain(1) == 1
    drained = [scene.inbox.is_drained]
    while scene.inbox.drain(100):
        pass
    drained.append(scene.inbox.is_drained)
    assert not scene.inbox.drain_for(PATIENCE_S)
    drained.append(scene.inbox.is_drained)
    assert drained == [False, True, False]


def test_draining_stops_when_its_time_is_over(scene: Scene) -> None:
    """It says whether more may be there."""
    for _ in range(3):
        scene.send(b"a")
    assert scene.inbox.wait(PATIENCE_S)
    assert scene.inbox.drain_for(0.0)
    while len(scene.heard) < 3:
        assert scene.inbox.wait(PATIENCE_S)
        assert not scene.inbox.drain_for(PATIENCE_S)


def test_it_can_be_found_again_when_its_path_was_removed(scene: Scene) -> None:
    """Those who are connected stay so."""
    scene.path.unlink()
    scene.inbox.is_unfound = True
    scene.inbox.bind_again()
    assert scene.path.exists()
    assert not scene.inbox.is_unfound
    scene.send(b"as before")
    assert scene.receive()[5] == b"as before"


def test_where_it_cannot_be_bound_it_is_tried_again(scene: Scene) -> None:
    """The directory may have gone once more."""
    scene.path.unlink()
    scene.path.parent.rmdir()
    scene.inbox.bind_again()
    assert scene.inbox.is_unfound
    scene.path.parent.mkdir()
    scene.inbox.bind_again()
    assert not scene.inbox.is_unfound


def test_a_message_whose_memory_is_not_there_ends_nothing(scene: Scene) -> None:
    """It is logged, and the next one is handled."""
    scene.push.send(HEADER.pack(KEY, Kind.TELL, SHARED, 0, 1, 0, 0, 0))
    scene.push.send(HEADER.pack(KEY, Kind.TELL, 0, 0, 1, 5, 0, 0))
    for _ in range(2):
        assert scene.inbox.wait(20.0)
        scene.inbox.receive(NOBLOCK)
    assert [message[2] for message in scene.heard] == [5]


def test_nobody_finds_a_closed_one(tmp_path: Path) -> None:
    context = zmq.Context()
    inbox = Inbox(context, f"ipc://{tmp_path}/mailbox", KEY, [], nothing_shared, lambda *_: None)
    inbox.close()
    assert not (tmp_path / "mailbox").exists()
    context.term()


STRAYS = [
    [b""],
    [b"x"],
    [b"GET / HTTP/1.1"],
    [KEY],  # and nothing behind it
    [HEADER.pack(b"another system's", Kind.TELL, 0, 0, 1, 5, 0, 0)],
    [HEADER.pack(b"another system's", 255, 255, 2**32 - 1, 1, 5, 9, 9), b"", b"more"],
    [b"x" * LARGE, b"y" * LARGE],
]


@pytest.mark.parametrize("frames", STRAYS)
def test_a_stray_message_is_refused_and_ends_nothing(scene: Scene, frames: list[bytes]) -> None:
    """No handler sees it, and the message behind it is handled."""
    scene.push.send_multipart(frames)
    scene.send(b"ours")
    while not scene.heard:
        assert scene.inbox.wait(PATIENCE_S)
        scene.inbox.drain(10)
    assert scene.refused == [frames[0]]
    assert [message[5] for message in scene.heard] == [b"ours"]


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_are_no_zeromq_end_nothing(scene: Scene, seed: int) -> None:
    """ZeroMQ takes them for the beginning of a connection, or for frames of its first version."""
    random = Random(seed)
    beginnings = (
        b"",
        b"\xff" + bytes(8) + b"\x7f",
        b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(54, b"\0"),
        b"\x05\0",
    )
    with closing(socket.socket(socket.AF_UNIX)) as stranger:
        stranger.connect(str(scene.path))
        stranger.sendall(random.choice(beginnings) + random.randbytes(random.randrange(1, 2000)))
        scene.send(b"ours")
        while not scene.heard:
            assert scene.inbox.wait(PATIENCE_S)
            scene.inbox.drain(10)
    assert [message[5] for message in scene.heard] == [b"ours"]


def test_processes_of_other_users_cannot_connect(tmp_path: Path) -> None:
    """The kernel says whose they are, whatever the modes of the socket and its directory."""
    scene, ours = Scene(tmp_path / "theirs", user=os.geteuid() + 1), Scene(tmp_path / "ours")
    scene.send(b"from another user")
    watched = scene.push.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
    assert watched.poll(int(PATIENCE_S) * 1000)
    ours.send(b"from this one")
    assert ours.receive()[5] == b"from this one"
    assert not scene.inbox.has_arrivals()
    scene.push.disable_monitor()
    watched.close(0)
    for each in (scene, ours):
        each.push.close(0)
        each.inbox.close()
        each.context.term()


def test_where_there_is_no_place_the_error_is_that_of_a_limit(tmp_path: Path) -> None:
    """It names the directory; whoever wanted the mailbox tries again."""
    context = zmq.Context()
    with pytest.raises(LimitReachedError, match="no mailbox can be made") as caught:
        Inbox(context, f"ipc://{tmp_path}/gone/1.0", KEY, [], nothing_shared, lambda *_: None)
    assert caught.value.limit.startswith(f"{tmp_path}/gone: ")
    with pytest.raises(zmq.ZMQError):  # a path that is too long will be so the next time, too
        Inbox(context, f"ipc://{tmp_path}/{'x' * 200}", KEY, [], nothing_shared, lambda *_: None)
    context.term()  # nothing is left open
