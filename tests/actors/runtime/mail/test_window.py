"""Mailboxes are bounded, and nothing is lost unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from peerage.actors.runtime import DROP, FAIL, ActorRef, MailboxFullError, Place, System, Wait, watch
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import WINDOW_BYTES, WINDOW_MESSAGES, UnacknowledgedCounts, Window
from tests.actors.runtime.cast import Slow, Worker


def test_a_window_is_bounded_in_messages_and_bytes() -> None:
    """A single message larger than the window may go alone."""
    window = Window()
    assert window.has_room(WINDOW_BYTES + 1)
    window.messages, window.size = 1, WINDOW_BYTES
    assert not window.has_room(1)
    window.messages, window.size = WINDOW_MESSAGES, 0
    assert not window.has_room(1)


def test_unacknowledged_counts_are_taken_once() -> None:
    """What was acknowledged is not acknowledged again."""
    counts = UnacknowledgedCounts(1, b"actor")
    counts.messages, counts.size, counts.dead = 2, 30, 1
    assert counts.take() == (2, 30, 0, 1)
    assert counts.take() == (0, 0, 0, 0)


class Gate:
    """Holds a slow actor until opened."""

    def __init__(self, place: Place) -> None:
        self.fd = os.eventfd(0)
        self.ref = Slow.options(place=place, fds={"gate": self.fd}).start()
        self.ref.tell("block", exempt=True)

    def open(self) -> None:
        os.eventfd_write(self.fd, 1)


@pytest.fixture
def gate(system: System, place: Place) -> Iterator[Gate]:
    gate = Gate(place)
    yield gate
    gate.open()
    assert gate.ref.ask("handled", exempt=True, timeout=10) >= 0
    os.close(gate.fd)


def fill(ref: ActorRef[Slow]) -> None:
    for _ in range(WINDOW_MESSAGES):
        ref.tell("x", when_full=FAIL)


def test_a_full_mailbox_fails_at_once_if_asked_to(gate: Gate) -> None:
    """FAIL names the actor and how full it is."""
    fill(gate.ref)
    with pytest.raises(MailboxFullError, match=f"{WINDOW_MESSAGES} messages"):
        gate.ref.tell("x", when_full=FAIL)


def test_a_full_mailbox_waits_for_its_timeout(gate: Gate) -> None:
    """Wait gives up with the same error; what was accepted is handled once it opens."""
    fill(gate.ref)
    with pytest.raises(MailboxFullError):
        gate.ref.tell("x", when_full=Wait(0.05))
    gate.open()
    gate.ref.tell("x")
    gate.open()
    assert gate.ref.ask("handled", timeout=10) == WINDOW_MESSAGES + 1


def test_a_full_mailbox_drops_and_counts_if_asked_to(gate: Gate, system: System) -> None:
    """DROP is a dead letter."""
    before = current_port().dead_letters
    fill(gate.ref)
    gate.ref.tell("x", when_full=DROP)
    assert current_port().dead_letters == before + 1


def test_bytes_count_too(gate: Gate) -> None:
    """64 MiB in large messages fill the window."""
    for _ in range(4):
        gate.ref.tell(b"x" * (WINDOW_BYTES // 4 - 100), when_full=FAIL)
    with pytest.raises(MailboxFullError):
        gate.ref.tell(b"x" * 1000, when_full=FAIL)


def test_exempt_messages_pass_a_full_window(gate: Gate) -> None:
    """Their sender has its own bound."""
    fill(gate.ref)
    gate.ref.tell("x", exempt=True)


def test_a_mailbox_shows_its_depth_and_age(gate: Gate, system: System) -> None:
    """Unless the host is busy: then it is left out instead of blocking the asker."""
    gate.open()
    gate.ref.ask("handled")
    mine = [actor for actor in system.actors() if actor.actor == gate.ref.name]
    assert (mine[0].mailbox, mine[0].oldest_age, mine[0].handled) == (0, 0.0, 2)


def test_many_more_messages_than_the_window_flow(system: System, place: Place) -> None:
    """Acknowledgements open the window again and again."""
    ref = Slow.options(place=place).start()
    for number in range(3 * WINDOW_MESSAGES):
        ref.tell(number)
    assert ref.ask("handled", timeout=20) == 3 * WINDOW_MESSAGES


def test_a_neighbours_window_is_bounded_too(worker: ActorRef[Worker]) -> None:
    """Inside one host the sender waits while the neighbour works; its own mailbox would be itself: that fails at once."""
    child = worker.ask(("start",))
    worker.ask(("tell", child, ("log",), WINDOW_MESSAGES + 10), timeout=20)
    with pytest.raises(MailboxFullError):
        worker.ask(("tell", worker, ("log",), WINDOW_MESSAGES + 10), timeout=20)


def test_what_a_killed_host_had_not_handled_is_counted(system: System) -> None:
    """Sent = handled + reported."""
    fd = os.eventfd(0)
    ref = Slow.options(fds={"gate": fd}).start()
    os.close(fd)
    for number in range(100):
        ref.tell(number)
    ref.ask("handled")
    port = current_port()
    route = port.route(ref)
    assert route is not None
    assert port.wait(lambda: route.window.tells == 0, 20.0)
    before = port.dead_letters
    ref.tell("block")
    for number in range(100):
        ref.tell(number)
    ref.kill()
    watch(ref).wait(20.0)
    port.losses.sweep()
    assert port.dead_letters == before + 101


def test_what_a_stopped_actor_leaves_is_counted(worker: ActorRef[Worker]) -> None:
    """Tells behind a stop come back as dead letters, and the hook hears of them."""
    heard: list[tuple[str, int]] = []
    keeper = worker.ask(("start",))
    System.current().on_dead_letter(lambda target, messages: heard.append((target, messages)))
    keeper.stop()
    for _ in range(3):
        keeper.tell("too late")
    assert current_port().wait(lambda: sum(count for _target, count in heard) == 3, 20.0)
    System.current().on_dead_letter(None)
    assert {target for target, _count in heard} == {keeper.key}


def test_a_tell_to_nobody_is_counted(system: System) -> None:
    """In the process's figure and in the system's."""
    before = system.dead_letters
    ActorRef.to("nobody").tell("x")
    assert system.dead_letters == before + 1
