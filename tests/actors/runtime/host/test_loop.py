"""The loop of a host by itself: what a turn does, in which order, and how long it sleeps."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator

import pytest

from peerage.actors.runtime.host.loop import FEW_TIMERS, LONGEST_SLEEP_S, PUMP_LIMIT, Loop
from tests.actors.runtime.host.fakes import Act, Clock, Mail, Poller
from tests.actors.runtime.host.fakes import loop as fake_loop

READABLE, WRITABLE = select.EPOLLIN, select.EPOLLOUT
FD = 2000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts(clock: Clock) -> Iterator[tuple[Loop[Act], Poller]]:
    loop, poller = fake_loop(clock)
    yield loop, poller
    loop.close()


@pytest.fixture
def loop(parts: tuple[Loop[Act], Poller]) -> Loop[Act]:
    return parts[0]


@pytest.fixture
def poller(parts: tuple[Loop[Act], Poller]) -> Poller:
    return parts[1]


@pytest.fixture
def mail(loop: Loop[Act]) -> Mail:
    mail = Mail()
    loop.read(mail)
    return mail


def test_a_turn_goes_through_messages_calls_tasks_descriptors_timers_and_hooks(
    loop: Loop[Act], poller: Poller, mail: Mail
) -> None:
    """In this order."""
    log: list[object] = []
    task = Act("ready", log)
    mail.arrived.append(lambda: log.append("message"))
    loop.call_soon(None, log.append, "call")
    loop.ready.append(task)
    loop.descriptors.set(FD, None, reader=lambda: log.append("descriptor"))
    poller.events = [(FD, READABLE)]
    loop.call_later(None, 0.0, log.append, "timer")
    loop.end_hooks.append((Act("hook", log), lambda: None))
    loop.turn(1.0)
    assert log == ["message", "call", ("ready", 0), "descriptor", "timer", "hook"]
    assert mail.flushed == 1


def test_a_quiet_mailbox_is_not_asked_when_its_descriptor_has_been_looked_at(
    loop: Loop[Act], poller: Poller, mail: Mail
) -> None:
    """In the turn before, and not in an earlier one: what came since would be missed."""
    mail.is_quiet = True
    loop.turn(1.0)  # nothing was looked at before it
    loop.turn(1.0)
    loop.turn(1.0)
    assert (mail.pumped, len(poller.slept)) == (1, 3)
    loop.end_hooks.append((Act("hook", []), lambda: None))
    loop.turn(1.0)  # there is something to do, and nothing but the mailbox to look at: it does not
    assert (mail.pumped, len(poller.slept)) == (1, 3)
    loop.turn(1.0)
    assert (mail.pumped, len(poller.slept)) == (2, 4)
    mail.is_quiet = False
    loop.turn(1.0)
    assert mail.pumped == 3


def test_an_idle_loop_sleeps_as_long_as_it_may(loop: Loop[Act], poller: Poller, mail: Mail) -> None:
    """Only a descriptor wakes it."""
    loop.turn(2.5)
    assert poller.slept == [2.5]


def test_a_loop_sleeps_until_its_next_timer(loop: Loop[Act], poller: Poller, clock: Clock) -> None:
    """And then calls it in the same turn."""
    fired: list[float] = []
    for delay in (3.0, 1.0):
        loop.call_later(None, delay, lambda: fired.append(clock.now))
    loop.turn(LONGEST_SLEEP_S)
    loop.turn(LONGEST_SLEEP_S)
    assert fired == [1.0, 3.0]
    assert poller.slept == [1.0, 2.0]


def test_a_cancelled_timer_neither_fires_nor_wakes_the_loop(loop: Loop[Act], poller: Poller) -> None:
    """It lets go of what it would have called, too."""
    task = Act()
    timer = loop.call_later(task, 1.0, task.log.append, "fired")
    assert task.timers == {timer}
    timer.cancel()
    loop.turn(LONGEST_SLEEP_S)
    assert (task.log, task.timers, timer.args) == ([], set(), ())
    assert poller.slept == [LONGEST_SLEEP_S]


def test_a_timer_that_fired_is_no_longer_its_tasks(loop: Loop[Act]) -> None:
    """A task cancels those that are left when it ends: a list of all that it ever had would grow for ever."""
    task = Act()
    loop.call_later(task, 1.0, task.log.append, "fired")
    loop.turn(5.0)
    assert (task.log, task.timers) == (["task", "fired"], set())


def test_a_loop_that_has_something_to_do_does_not_sleep(loop: Loop[Act], poller: Poller) -> None:
    """What a turn leaves to the next one is done at once."""
    loop.descriptors.set(FD, None, reader=lambda: None)
    loop.call_soon(None, loop.call_soon, None, lambda: None)
    loop.turn(5.0)
    loop.turn(5.0)
    loop.turn(5.0)
    assert poller.slept == [0.0, 5.0, 5.0]


def test_a_loop_does_not_sleep_when_more_messages_may_be_there(
    loop: Loop[Act], poller: Poller, mail: Mail
) -> None:
    """Their descriptor signals only what comes anew."""
    loop.descriptors.set(FD, None, reader=lambda: None)
    mail.arrived = [lambda: None] * (PUMP_LIMIT + 1)
    loop.turn(5.0)
    assert poller.slept == [0.0]


def test_a_loop_does_not_sleep_on_messages_that_a_wait_has_left(
    loop: Loop[Act], poller: Poller, mail: Mail
) -> None:
    """A wait reads one message and may take the only signal of the rest."""
    mail.has_skipped = True
    loop.descriptors.set(FD, None, reader=lambda: None)
    loop.call_soon(None, mail.arrived.append, lambda: None)
    loop.turn(5.0)
    assert poller.slept == [0.0]


def test_a_forked_child_reads_none_of_its_parents_messages(
    loop: Loop[Act], poller: Poller, mail: Mail
) -> None:
    """Its loop may turn once more, in a handler that goes on there; the messages are handled in the parent."""
    handled: list[str] = []
    mail.arrived = [lambda: handled.append("the parent's")]
    inherited, wake_fd = loop.descriptors, loop._wake_fd
    loop.disown()
    loop.turn(0.0)
    assert (handled, len(mail.arrived), mail.flushed) == ([], 1, 0)
    assert not poller.is_closed
    loop.descriptors.close()
    loop.descriptors, loop._wake_fd = inherited, wake_fd


def test_a_nested_turn_is_cut_short_once_its_answer_is_there(loop: Loop[Act], mail: Mail) -> None:
    """Nobody else is served before the waiting handler goes on."""
    task = Act()
    loop.ready.append(task)
    loop.turn(5.0, lambda: True)
    assert list(loop.ready) == [task]


def test_a_nested_turn_with_a_deadline_begins_nothing_after_it(loop: Loop[Act], clock: Clock) -> None:
    """Each task handles one message at a time then."""
    log: list[object] = []

    class Slow(Act):
        def run(self, left: int = 0) -> None:
            super().run(left)
            clock.now = 2.0

    first, second = Slow("first", log), Slow("second", log)
    loop.ready.extend((first, second))
    loop.turn(0.0, until=1.0)
    assert log == [("first", 1)]
    assert list(loop.ready) == [second]


def test_what_a_nested_turn_has_done_is_not_done_again(loop: Loop[Act]) -> None:
    """The turn around it goes on with what is left."""
    log: list[object] = []
    loop.call_soon(None, loop.turn, 0.0)
    loop.call_soon(None, log.append, "once")
    loop.turn(0.0)
    assert log == ["once"]


def test_a_busy_tasks_descriptor_is_muted(loop: Loop[Act], poller: Poller) -> None:
    """It is not entered again, and the loop does not spin on what it cannot handle yet."""
    task = Act()
    loop.descriptors.set(FD, task, reader=lambda: task.log.append("read"))
    task.busy = True
    poller.events = [(FD, READABLE)]
    loop.turn(1.0)
    assert FD not in poller.masks
    task.busy = False
    loop.descriptors.unmute(FD)
    poller.events = [(FD, READABLE)]
    loop.turn(1.0)
    assert task.log == ["task", "read"]


def test_a_writer_that_its_reader_has_removed_is_not_called(loop: Loop[Act], poller: Poller) -> None:
    """The task may have ended in its reader."""
    task = Act()

    def end() -> None:
        loop.descriptors.clear(FD, reader=True, writer=True)

    loop.descriptors.set(FD, task, reader=end, writer=lambda: task.log.append("written"))
    poller.events = [(FD, READABLE | WRITABLE)]
    loop.turn(1.0)
    assert task.log == ["task"]


def test_a_call_from_another_thread_comes_in_the_loop() -> None:
    """It wakes the loop, here the real one, from its sleep."""
    loop: Loop[Act] = Loop()
    called_in: list[int] = []

    def call() -> None:
        called_in.append(threading.get_ident())
        loop.finished = True

    thread = threading.Thread(target=loop.call_soon, args=(None, call))
    thread.start()
    loop.run()
    thread.join()
    loop.close()
    assert called_in == [threading.get_ident()]


def test_a_call_after_the_end_of_the_loop_does_nothing() -> None:
    """Its descriptor is closed by then, and its number may be another file's."""
    loop: Loop[Act] = Loop()
    loop.close()
    loop.call_threadsafe(None, lambda: None)


def test_a_finished_loop_makes_no_further_turn(loop: Loop[Act], poller: Poller) -> None:
    """And does not sleep in its last one."""
    loop.descriptors.set(FD, None, reader=lambda: None)
    loop.call_soon(None, setattr, loop, "finished", True)
    loop.run()
    assert poller.slept == [0.0]


def test_a_forked_childs_loop_lets_go_of_what_is_its_parents(loop: Loop[Act], poller: Poller) -> None:
    """A call from the child must not wake the parent, nor may closing take its descriptors away."""
    inherited = loop.descriptors
    wake_fd = loop._wake_fd
    loop.disown()
    loop.call_threadsafe(None, lambda: None)
    assert loop.descriptors is not inherited
    assert not poller.is_closed
    loop.descriptors.close()
    loop.descriptors, loop._wake_fd = inherited, wake_fd


def test_cancelled_timers_do_not_gather(loop: Loop[Act], clock: Clock) -> None:
    """Most time limits are cancelled long before they are due; those that are not ring in their order."""
    rung: list[int] = []
    for number in range(3 * FEW_TIMERS):
        timer = loop.call_later(None, 60.0 - number / FEW_TIMERS, rung.append, number)
        if number % 100:
            timer.cancel()
    assert len(loop._timers) <= FEW_TIMERS + 1
    clock.now = 61.0
    loop.turn(0.0)
    assert rung == list(range(0, 3 * FEW_TIMERS, 100))[::-1]
