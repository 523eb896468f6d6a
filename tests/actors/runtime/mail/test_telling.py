"""actors/runtime/mail/telling.py: many messages at once, and those that may find nobody."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from peerage.actors.runtime import MailboxFullError
from peerage.actors.runtime.mail import telling
from peerage.actors.runtime.mail.batch import BATCH_MESSAGES
from peerage.actors.runtime.mail.codec import Encoded
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.routes import Route
from peerage.actors.runtime.mail.telling import tell_if_there, tell_many
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.mail.fakes import HOST, Port, path

REF = path()


class TellingPort(Port):
    """A port that keeps the messages of each frame; it makes room for so many messages when it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.network = SimpleNamespace(kept={})
        self.face = self
        self.frames: list[int] = []  # messages in each batch
        self.alone: list[Any] = []
        self.behind: list[tuple[int, Any]] = []
        self.lost = 0
        self.room: list[bool | MailboxFullError] = []  # what becomes of each message that finds none
        self.flags = []

    @property
    def window(self) -> Any:
        route = self.route(REF)
        assert route is not None
        return route.window

    def tell(self, _ref: Any, value: Any, _when_full: Any, _exempt: bool) -> None:
        self.alone.append(value)

    def send_along(self, _route: Route, _kind: int, corr: int, flags: int, _body: Any, _extras: Any) -> None:
        self.frames.append(corr)
        self.flags.append(flags)

    def make_room(self, _route: Route, _size: int, _when_full: Any) -> bool:
        outcome = self.room.pop(0)
        if isinstance(outcome, MailboxFullError):
            raise outcome
        if outcome:
            self.window.messages = 0
        return outcome

    def put_behind(self, _route: Route, kind: int, packed: tuple[Any, ...], _future: None) -> None:
        self.behind.append((kind, packed[0]))

    def count_dead_letters(self, _key: str, messages: int) -> None:
        self.lost += messages


@pytest.fixture
def port() -> TellingPort:
    return TellingPort()


def tell(port: TellingPort, values: Any, *, exempt: bool = False) -> None:
    tell_many(cast("telling.Port", port), REF, values, None, exempt)


def test_small_messages_share_frames(port: TellingPort) -> None:
    """And count in the window one by one."""
    tell(port, [b"x"] * (BATCH_MESSAGES + 10))
    assert port.frames == [BATCH_MESSAGES, 10]
    assert port.window.messages == BATCH_MESSAGES + 10


def test_a_large_message_goes_alone_between_the_others(port: TellingPort) -> None:
    tell(port, [b"a", b"x" * LARGE, b"b"])
    assert port.frames == [1, 1]
    assert [type(value) for value in port.alone] == [Encoded]


def test_messages_outside_the_window_need_no_room(port: TellingPort) -> None:
    port.window.messages = WINDOW_MESSAGES
    tell(port, [b"x"] * 3, exempt=True)
    assert port.frames == [3]
    assert port.flags[0] & EXEMPT
    assert port.window.exempt == 3


def test_they_wait_behind_what_waits_in_line(port: TellingPort) -> None:
    """Nothing overtakes it."""
    route = port.route(REF)
    assert route is not None
    route.line = object()
    tell(port, [b"a", b"b"], exempt=True)
    assert port.behind == [(Kind.TELL, b"a"), (Kind.TELL, b"b")]
    assert port.frames == []


def test_a_batch_goes_as_far_as_there_is_room(port: TellingPort) -> None:
    """The rest waits for more, and goes then."""
    port.window.messages = WINDOW_MESSAGES - 2
    port.room = [True]
    tell(port, [b"x"] * 5)
    assert port.frames == [2, 3]


def test_a_message_that_is_dropped_holds_up_none_behind_it(port: TellingPort) -> None:
    port.window.messages = WINDOW_MESSAGES - 2
    port.room = [False, True]
    tell(port, [b"x"] * 5)
    assert port.frames == [2, 2]


def test_a_full_window_says_how_many_messages_have_gone(port: TellingPort) -> None:
    """Over all batches."""
    port.window.messages = WINDOW_MESSAGES - BATCH_MESSAGES - 2
    port.room = [MailboxFullError("actor", 0, 0)]
    with pytest.raises(MailboxFullError) as caught:
        tell(port, [b"x"] * (BATCH_MESSAGES + 5))
    assert caught.value.accepted == BATCH_MESSAGES + 2


def test_what_came_before_a_fault_has_gone(port: TellingPort) -> None:
    """As if told one by one."""

    def values() -> Iterator[bytes]:
        yield b"a"
        yield b"b"
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        tell(port, values())
    assert port.frames == [2]


def test_messages_to_nobody_are_lost(port: TellingPort) -> None:
    port.routes[REF.way] = None
    tell(port, [b"x"] * 5)
    assert (port.lost, port.frames) == (5, [])


def test_a_tell_if_there_is_counted_nowhere(port: TellingPort) -> None:
    """Neither in the window nor, when nobody is there, as lost."""
    tell_if_there(cast("telling.Port", port), REF, "hello")
    assert len(port.frames) == 1
    assert (port.window.messages, port.window.exempt) == (0, 0)
    port.routes[REF.way] = None
    tell_if_there(cast("telling.Port", port), REF, "hello")
    assert (port.lost, len(port.frames)) == (0, 1)


def test_a_tell_if_there_waits_behind_the_line_too(port: TellingPort) -> None:
    route = Route(b"key", 0, REF, HOST)
    route.line, port.routes[REF.way] = object(), route
    tell_if_there(cast("telling.Port", port), REF, "hello")
    assert [kind for kind, _body in port.behind] == [Kind.TELL_IF_THERE]
