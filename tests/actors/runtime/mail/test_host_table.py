"""Who is alive, by serials that only grow."""

from __future__ import annotations

import threading
from typing import Any, cast

from peerage.actors.runtime import DownReason, HostFacts
from peerage.actors.runtime.mail.host_table import REMEMBERED_DEATHS, HostTable

NOBODY: frozenset[int] = frozenset()
KILLED = DownReason("killed", "SIGKILL")


def table_with(*hosts: tuple[str, int]) -> HostTable:
    table = HostTable()
    for name, serial in hosts:
        table.up(HostFacts(name, serial, 100 + serial), NOBODY)
    return table


def test_the_higher_serial_wins_whatever_the_order_of_news() -> None:
    """News of an older life does not replace a younger one."""
    table = table_with(("a", 5), ("a", 3))
    assert table.resolve("a", 0) == 5


def test_a_ref_that_overtakes_the_news_is_believed() -> None:
    """A serial above all heard of is young, not dead."""
    table = table_with(("a", 5))
    assert table.resolve("b", 6) == 6
    assert table.resolve("a", 6) == 6
    assert table.resolve("b", 4) is None


def test_a_booting_host_is_not_dead() -> None:
    """Though a younger one is up already."""
    table = HostTable()
    table.up(HostFacts("young", 7, 1), frozenset({6}))
    assert not table.is_dead(6)
    assert table.is_dead(5)


def test_a_host_in_a_thread_of_this_process_says_nothing_of_others() -> None:
    """Those with lower numbers may still be starting; news from the root replaces what was entered here."""
    table = table_with(("a", 5))
    table.up_here(HostFacts("thread", 8, 1))
    assert (table.resolve("thread", 0), table.resolve("b", 7)) == (8, 7)
    assert not table.is_dead(7)
    table.up(HostFacts("thread", 8, 1), frozenset({7}))
    assert (table.is_dead(7), table.is_dead(6)) == (False, True)
    table.down(8, KILLED, NOBODY, gracefully=False)
    table.up_here(HostFacts("thread", 8, 1))
    assert table.is_dead(8)


def test_news_that_another_loop_of_the_process_hears_late_changes_nothing() -> None:
    """It lists as being made who was so at that time: others would be taken for dead, and who is up for being made."""
    table = HostTable()
    news = [(HostFacts("early", 5, 1), NOBODY), (HostFacts("young", 7, 1), frozenset({6}))]
    for facts, booting in news:
        table.up(facts, booting)
    table.up(*news[0])
    assert not table.is_dead(6)
    assert table.booting == {6}
    table.up(HostFacts("middle", 6, 1), NOBODY)
    table.up(*news[1])
    assert table.booting == NOBODY
    table.down(6, KILLED, frozenset({8}), gracefully=False)
    table.up(*news[1])
    assert table.is_dead(6)


def test_a_successor_that_comes_up_while_a_death_is_noted_keeps_the_name() -> None:
    """A host in a thread enters itself, from that thread."""
    table = table_with(("a", 5))
    successor = threading.Thread(target=table.up_here, args=(HostFacts("a", 7, 1),))

    class Names(dict[str, int]):
        """Has the other thread come in the middle of whoever looks whether a name is to go."""

        def get(self, name: str, *default: Any) -> Any:
            serial = super().get(name, *default)
            if threading.current_thread() is not successor and not successor.ident:
                successor.start()
                came.wait(30.0)
            return serial

        def __setitem__(self, name: str, serial: int) -> None:
            super().__setitem__(name, serial)
            came.set()

    class Lock:
        """Says that the other thread has to wait."""

        def __init__(self) -> None:
            self._lock = threading.RLock()

        def __enter__(self) -> None:
            if threading.current_thread() is successor:
                came.set()
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()

    came = threading.Event()
    table.by_name, table._writing = Names(table.by_name), cast("Any", Lock())
    table.down(5, KILLED, NOBODY, gracefully=False)
    successor.join()
    assert table.resolve("a", 0) == 7


def test_a_death_is_remembered_with_its_reason() -> None:
    """And late news of its birth does not revive it."""
    table = table_with(("a", 5))
    epoch = table.epoch
    table.down(5, KILLED, NOBODY, gracefully=False)
    table.up(HostFacts("a", 5, 1), NOBODY)
    assert table.epoch == epoch + 1
    assert table.is_dead(5)
    assert table.is_silent(5)
    assert table.resolve("a", 5) is None
    assert table.reason(5) == KILLED


def test_whoever_sees_a_host_dead_knows_that_its_last_words_may_come() -> None:
    """Several threads write a process's table: another one may look while a death is being noted."""
    table = table_with(("a", 5))
    seen: list[tuple[bool, DownReason]] = []

    class Live(dict[int, HostFacts]):
        """Looks as another thread may: from the moment at which the host is not in it."""

        def pop(self, serial: int, *default: Any) -> Any:
            facts = super().pop(serial, *default)
            seen.append((table.is_silent(serial), table.reason(serial)))
            return facts

    table.live = Live(table.live)
    normal = DownReason("normal", "stopped")
    table.down(5, normal, NOBODY, gracefully=True)
    assert seen == [(False, normal)]


def test_a_host_that_ended_in_order_has_last_words() -> None:
    """What it sent may still be on its way."""
    table = table_with(("a", 5))
    table.down(5, DownReason("normal"), NOBODY, gracefully=True)
    assert not table.is_silent(5)


def test_a_snapshot_carries_everything() -> None:
    """For a host that comes later."""
    table, copy = table_with(("a", 5), ("b", 6)), HostTable()
    table.down(5, KILLED, frozenset({7}), gracefully=False)
    copy.load(table.snapshot())
    assert copy.live == table.live
    assert copy.is_dead(5)
    assert not copy.is_dead(7)


def test_a_dead_host_is_remembered_with_its_actors() -> None:
    """Each actor's own reason, else the host's; all forgotten together."""
    table = HostTable()
    ended = {"one": DownReason("exception", "boom")}
    table.down(5, DownReason("normal"), NOBODY, gracefully=True, ended=ended)
    assert table.end_of(5, "one") == table.reason_of(5, "one") == ended["one"]
    assert table.end_of(5, "two") is None
    assert table.reason_of(5, "two").kind == "normal"
    for serial in range(6, 6 + REMEMBERED_DEATHS):
        table.down(serial, KILLED, NOBODY, gracefully=False)
    assert table.end_of(5, "one") is None
