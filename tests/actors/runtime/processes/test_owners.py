"""`linked_to`: an actor does not outlive the one it was started for, however that ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from peerage.actors.runtime import HERE, THREAD, ActorRef, ActorStartError, Place, System, watch
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, THREAD_BITS
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Worker
from tests.processes import is_alive

PATIENCE_S = 5.0
ENDS: dict[str, Callable[[ActorRef[Worker]], object]] = {
    "killed": lambda owner: owner.kill(),
    "failed": lambda owner: owner.tell(("raise", ValueError("boom"))),
    "stopped": lambda owner: owner.stop(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_linked_process_is_killed_when_its_owner_ends(
    system: System, end: Callable[[ActorRef[Worker]], object]
) -> None:
    """Whichever way the owner ends; the reason names it."""
    owner = Worker.options(name="owner").start()
    seen = watch(Worker.options(linked_to=owner).start())
    end(owner)
    reason = seen.wait(PATIENCE_S)
    assert (reason.kind, reason.signal) == ("killed", signal.SIGKILL)
    assert reason.text == "linked to 'owner', which has ended"


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_linked_actor_without_a_process_of_its_own_is_stopped(
    system: System, end: Callable[[ActorRef[Worker]], object]
) -> None:
    """In a thread, or as a guest in a host: its neighbours must not be killed with it."""
    owner, landlord = Worker.start(), Worker.start()
    guests = [Worker.options(place=place, linked_to=owner).start() for place in (THREAD, landlord)]
    watches = [watch(guest) for guest in guests]
    end(owner)
    assert [seen.wait(PATIENCE_S).kind for seen in watches] == ["shutdown"] * 2
    assert landlord.ask(("pid",)) == landlord.pid()


def test_an_actor_in_its_owners_host_ends_with_the_owner_alone(system: System) -> None:
    """The host lives on with the others in it."""
    landlord = Worker.start()
    owner = landlord.ask(("start", HERE, "owner"))
    seen = watch(Worker.options(place=landlord, linked_to=owner).start())
    owner.stop()
    assert seen.wait(PATIENCE_S).kind == "shutdown"
    assert landlord.ask(("pid",)) == landlord.pid()


def test_the_end_of_an_owners_neighbour_ends_nobody(system: System) -> None:
    """The link is to an actor, not to its host."""
    owner = Worker.start()
    neighbour = owner.ask(("start",))
    linked, thread = (
        Worker.options(linked_to=owner).start(),
        Worker.options(place=THREAD, linked_to=owner).start(),
    )
    neighbour.stop()
    Worker.options(place=owner, name=neighbour.name).start().stop()
    assert [ref.ask(("pid",)) for ref in (linked, thread)] == [linked.pid(), os.getpid()]


def test_a_link_has_one_direction(system: System, place: Place) -> None:
    """The owner is told if it watches; it does not end."""
    owner = Worker.start()
    linked = Worker.options(place=place, linked_to=owner).start()
    linked.stop()
    assert owner.ask(("pid",)) == owner.pid()


def test_links_are_followed_to_the_last(system: System) -> None:
    """A chain ends as a whole, and whoever watches is told once of each."""
    first = Worker.options(name="first").start()
    second = Worker.options(name="second", linked_to=first).start()
    third = Worker.options(name="third", linked_to=second).start()
    witness = Worker.start()
    for ref in (first, second, third):
        witness.ask(("watch", ref))
    first.kill()
    assert current_port().wait(lambda: len(witness.ask(("log",))) >= 3, PATIENCE_S)
    with ThreadPoolExecutor(1) as pool:  # whatever was on its way is behind these starts
        pool.submit(Worker.options(name="third").start).result(PATIENCE_S).stop()
    assert sorted(witness.ask(("log",))) == [(name, "killed", 9) for name in ("first", "second", "third")]


@pytest.mark.parametrize("number", [signal.SIGSTOP, None], ids=["stopped", "spinning"])
def test_a_process_that_hangs_ends_with_its_owner(system: System, number: signal.Signals | None) -> None:
    """Nobody asks it."""
    owner = Worker.start()
    linked = Worker.options(linked_to=owner).start()
    seen = watch(linked)
    if number is None:
        linked.tell(("spin",))
    else:
        os.kill(linked.pid(), number)
    owner.kill()
    assert seen.wait(PATIENCE_S).kind == "killed"


def test_a_successor_starts_when_those_linked_to_its_predecessor_are_gone(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever they held, a port or a lock, is free then. They take their time here: the kills are held up."""
    owner = Worker.options(name="owner").start()
    linked = Worker.options(name="linked", linked_to=owner).start()
    deeper = Worker.options(name="deeper", linked_to=linked).start()
    pids, held = [linked.pid(), deeper.pid()], list[tuple[int, int]]()
    with ThreadPoolExecutor(1) as pool, monkeypatch.context() as patched:
        patched.setattr(signal, "pidfd_send_signal", lambda fd, number: held.append((fd, number)))
        seen = watch(owner)
        os.kill(owner.pid(), signal.SIGKILL)
        seen.wait(PATIENCE_S)
        starting = pool.submit(Worker.options(name="owner").start)
        assert current_port().wait(lambda: wait_for_an_end(system) == ["owner"], PATIENCE_S)
        patched.undo()
        for fd, number in held:
            signal.pidfd_send_signal(fd, number)
        successor = starting.result(PATIENCE_S)
    assert not any(map(is_alive, pids))
    assert Worker.options(name="deeper", linked_to=successor).start().pid() not in pids


def wait_for_an_end(system: System) -> list[str]:
    """The hosts that the root will make when another one has ended."""
    assert system._root is not None
    return [start.host for record in system._root.records.all() for start in list(record.waiting)]


def test_the_name_of_a_linked_actor_is_free_when_its_owners_death_is_known(system: System) -> None:
    """It may still be dying: the start waits for that."""
    owner = Worker.start()
    linked = Worker.options(name="linked", linked_to=owner).start()
    before, seen = linked.pid(), watch(owner)
    owner.kill()
    seen.wait(PATIENCE_S)
    assert Worker.options(name="linked").start().pid() != before


def test_nobody_starts_linked_to_the_dead(system: System) -> None:
    """The start is refused, and says why."""
    owner = Worker.options(name="owner").start()
    seen = watch(owner)
    owner.kill()
    seen.wait(PATIENCE_S)
    with pytest.raises(ActorStartError, match=r"Worker \(owner\), which it would be linked to, has ended"):
        Worker.options(linked_to=owner).start()


def test_a_link_is_to_one_life_of_its_owner(system: System) -> None:
    """The successor did not start it, and would not know of it."""
    owner = Worker.options(name="owner").start()
    owner.kill()
    successor = Worker.options(name="owner").start()
    with pytest.raises(ActorStartError):
        Worker.options(linked_to=owner).start()
    assert watch(Worker.options(place=THREAD, linked_to=owner).start()).wait(PATIENCE_S).kind == "shutdown"
    assert Worker.options(linked_to=successor).start().is_alive()


@pytest.mark.parametrize("number", [signal.SIGCONT, signal.SIGKILL], ids=["goes on", "dies"])
def test_an_owner_killed_while_its_actor_starts_leaves_none(system: System, number: signal.Signals) -> None:
    """Not yet forked, it is killed as soon as it is, or never forked at all."""
    owner = Worker.start()
    seen, fork_server = watch(owner), system.fork_server_pid
    os.kill(fork_server, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(Worker.options(name="late", linked_to=owner).start)
        assert current_port().wait(lambda: is_asked_for(system, "late"), PATIENCE_S)
        owner.kill()
        seen.wait(PATIENCE_S)
        os.kill(fork_server, number)
        with pytest.raises(ActorStartError):
            starting.result(PATIENCE_S)
    assert Worker.options(name="late").start().is_alive()


def is_asked_for(system: System, host: str) -> bool:
    """Whether the root knows of the wish for such a host."""
    assert system._root is not None
    return system._root.records.of_name(host) is not None


def test_a_thread_wished_for_by_the_dead_takes_no_name(system: System) -> None:
    """The last wish of a killed process arrives behind the news of its death."""
    ref = Worker.start()
    ended, serial = watch(ref), ref.serial
    ref.kill()
    ended.wait(PATIENCE_S)
    current_port().send(
        ROOT_ADDRESS, Kind.RESERVE, 1, body=codec.dumps(("wished for", {})), source=serial << THREAD_BITS
    )
    assert Worker.options(name="wished for").start().is_alive()
