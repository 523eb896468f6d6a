"""Messages that wait for room go in order, and each of them is sent, given up or counted."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import ActorDeadError, DownReason, Future, MailboxFullError
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.asks import Asks
from peerage.actors.runtime.mail.envelope import EXEMPT, Kind
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostFacts, HostTable
from peerage.actors.runtime.mail.lines import ASK, IF_THERE, TELL, Letter, Lines, pack
from peerage.actors.runtime.mail.routes import Route, Routes
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES

OWN = 7 << THREAD_BITS
ACTOR = ActorPath("a", "h", system="s")
NOBODY: frozenset[int] = frozenset()


class Port:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.table = HostTable()
        self.table.up(HostFacts("h", 2, pid=1), NOBODY)
        self.routes = Routes(
            b"key", OWN, self.table, lambda _address, _purpose: None, self.count_dead_letters
        )
        self.sender = b"me"
        self.sent: list[tuple[int, Any, int]] = []
        self.dead_letters = 0
        self.outbox: Any = self
        self.asks = Asks(lambda _source: None)
        self.lines = Lines(self)

    def tell(self, _route: Route, _sender: bytes, flags: int, value: Any, _size: int, _plain: bool) -> None:
        self.sent.append((TELL, value, flags))

    def send_small(self, _a: int, kind: int, _c: int, flags: int, _t: bytes, _s: bytes, body: Any) -> None:
        self.sent.append((kind, body, flags))

    def send(self, address: int, kind: int, corr: int = 0, **parts: Any) -> None:
        del address, corr
        self.sent.append((kind, parts["body"], parts["flags"]))

    def send_along(self, _r: Route, kind: int, _corr: int, flags: int, body: Any, _extras: Any) -> None:
        self.sent.append((kind, body, flags))

    def count_dead_letters(self, _key: str, messages: int) -> None:
        self.dead_letters += messages

    def route(self) -> Route:
        route = self.routes.find(ACTOR)
        assert route is not None
        return route

    def tell_later(self, value: Any) -> None:
        self.lines.join(self.route(), Letter(TELL, pack(value), b"me", False, None))

    def ask_later(self, value: Any, *, exempt: bool = False) -> Future[Any]:
        future: Future[Any] = Future()
        self.lines.put_behind(self.route(), ASK, pack(value), future, exempt)
        return future


@pytest.fixture
def port() -> Port:
    return Port()


def fill(route: Route) -> None:
    route.window.messages = WINDOW_MESSAGES


def test_what_waits_goes_in_order_as_soon_as_there_is_room(port: Port) -> None:
    """The line is gone then, and the window open again."""
    route = port.route()
    fill(route)
    port.tell_later("one")
    port.tell_later("two")
    assert not port.lines.advance()
    assert port.sent == []
    assert route.window.limit == 0
    route.window.release(WINDOW_MESSAGES, 0)
    assert not port.lines.advance()
    assert [value for _kind, value, _flags in port.sent] == ["one", "two"]
    assert (bool(port.lines), route.line, route.window.limit) == (False, None, WINDOW_MESSAGES)
    assert route.window.messages == 2


def test_what_no_window_bounds_waits_behind_the_others_only(port: Port) -> None:
    """Each kind is sent as if it had gone at once."""
    route = port.route()
    fill(route)
    port.lines.put_behind(route, TELL, pack("exempt"), None)
    port.lines.put_behind(route, IF_THERE, pack(["if there"]), None)
    answer = port.ask_later("exempt ask", exempt=True)
    port.lines.put_behind(route, Kind.STOP, pack(None), Future())
    assert not port.lines.advance(None)
    assert [kind for kind, _value, _flags in port.sent] == [TELL, IF_THERE, ASK, Kind.STOP]
    assert [bool(flags & EXEMPT) for _kind, _value, flags in port.sent] == [True, False, True, True]
    assert (route.window.exempt, route.window.asks, answer.asked.size) == (1, 0, -1)


def test_an_ask_takes_its_place_in_the_window(port: Port) -> None:
    """Its answer gives that back."""
    route = port.route()
    answer = port.ask_later("ask")
    port.lines.advance()
    assert (route.window.messages, route.window.asks, answer.asked.size) == (1, 1, 3)
    assert list(port.asks.open.values()) == [answer.asked]


def test_sending_takes_no_more_than_its_share(port: Port) -> None:
    """The rest goes in the next turn, and another line has its turn first."""
    for number in range(3):
        port.tell_later(number)
    assert port.lines.advance(0.0)
    assert port.sent == []
    assert not port.lines.advance(None)
    assert len(port.sent) == 3


def test_a_message_that_has_left_the_line_is_not_sent(port: Port) -> None:
    """Whether others wait behind it is told: the next may be smaller."""
    first, second = (Letter(TELL, pack(text), b"me", False, None) for text in ("one", "two"))
    for letter in (first, second):
        port.lines.join(port.route(), letter)
    assert port.lines.leave(first)
    assert not port.lines.leave(second)
    assert not port.lines
    port.lines.advance()
    assert port.sent == []


def test_those_that_give_up_together_have_one_reason(port: Port) -> None:
    """Making ten thousand errors would hold the loop."""
    fill(port.route())
    letters = [Letter(TELL, pack(number), b"me", False, None) for number in range(3)]
    for letter in letters:
        port.lines.join(port.route(), letter)
    one, two, later = (
        port.lines.full(letter, now) for letter, now in zip(letters, (1.0, 1.0, 2.0), strict=True)
    )
    assert isinstance(one, MailboxFullError)
    assert one is two
    assert later is not one


def test_a_line_goes_on_to_the_next_life_of_its_actor(port: Port) -> None:
    """In its new window."""
    fill(port.route())
    answer = port.ask_later("ask")
    port.table.down(2, DownReason("killed"), NOBODY, gracefully=False)
    port.routes.take_dead(lambda _serial: True)
    port.table.up(HostFacts("h", 3, pid=1), NOBODY)
    port.lines.reroute()
    port.lines.advance()
    assert [kind for kind, _value, _flags in port.sent] == [ASK]
    assert answer.asked.serial == 3


def test_a_line_that_leads_nowhere_is_given_up_one_by_one(port: Port) -> None:
    """Asks fail, tells are dead letters: whoever does that has other things to do in between."""
    fill(port.route())
    answer = port.ask_later("ask")
    port.tell_later("tell")
    port.table.down(2, DownReason("killed"), NOBODY, gracefully=False)
    port.routes.take_dead(lambda _serial: True)
    port.lines.reroute()
    assert not port.lines
    assert len(port.lines.lost) == 1
    for _ in range(3):
        port.lines.bury_one()
    assert len(port.lines.lost) == 0
    assert port.dead_letters == 1
    with pytest.raises(ActorDeadError, match="not found"):
        answer.get(timeout=0)


def test_the_end_of_the_port_leaves_nothing_in_line(port: Port) -> None:
    """Its tells are dead letters; those who wait for an answer are told by the port."""
    fill(port.route())
    answer = port.ask_later("ask")
    port.tell_later("tell")
    assert port.lines.close() == [answer]
    assert port.dead_letters == 1
    assert not port.lines
