"""What a killed host had handled is not reported as lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from peerage.actors.runtime import System, watch
from peerage.actors.runtime.mail.handled_counts import (
    DEAD,
    ENTRIES,
    NO_ENTRY,
    SETTLED,
    HandledCounts,
    name_hash,
    path_of,
    read,
)
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import ACK_MESSAGES
from tests.actors.runtime.cast import Slow, Worker


def test_a_file_of_counts_is_read_after_its_host(tmp_path: Path) -> None:
    """Each sender finds its own entries."""
    handled = HandledCounts(path_of(str(tmp_path), 7), lambda _name: True)
    mine, other = handled.entry(5, b"actor"), handled.entry(6, b"actor")
    handled.words[mine + SETTLED] += 3
    handled.words[mine + DEAD] += 1
    handled.words[other + SETTLED] += 9
    handled.close()
    assert read(str(tmp_path), 7, 5) == {name_hash(b"actor"): (3, 1)}
    assert read(str(tmp_path), 7, 4) == {}
    assert read(str(tmp_path), 8, 5) == {}


def test_an_entry_goes_on_under_its_name(tmp_path: Path) -> None:
    """An actor started again in the same host continues its count, as its sender does."""
    handled = HandledCounts(path_of(str(tmp_path), 7), lambda _name: True)
    assert handled.entry(5, b"actor") == handled.entry(5, b"actor") != NO_ENTRY
    handled.close()


def test_a_full_file_of_counts_forgets_ended_actors_first(tmp_path: Path) -> None:
    """And has no entry to give while all live."""
    living: set[bytes] = {b"%d" % number for number in range(ENTRIES)}
    handled = HandledCounts(path_of(str(tmp_path), 7), living.__contains__)
    first = handled.entry(5, b"0")
    handled.words[first + SETTLED] = 8
    for number in range(1, ENTRIES - 1):
        assert handled.entry(5, b"%d" % number) != NO_ENTRY
    assert handled.entry(5, b"new") == NO_ENTRY
    living.discard(b"0")
    assert handled.entry(5, b"new") == first
    assert handled.words[first + SETTLED] == 0
    handled.close()


@pytest.mark.parametrize("many", [False, True], ids=["tell", "tell_many"])
def test_handled_and_not_acknowledged_is_not_lost(system: System, many: bool) -> None:
    """Fewer messages than an acknowledgement waits for, then SIGKILL in the middle of one more."""
    fd = os.eventfd(0)
    ref = Slow.options(fds={"gate": fd}).start()
    os.close(fd)
    port = current_port()
    before, handled = port.dead_letters, ACK_MESSAGES // 2
    seen = watch(ref)
    messages = [*range(handled), "block", 1, 2, 3]
    if many:
        ref.tell_many(messages)
    else:
        for message in messages:
            ref.tell(message)
    other = Worker.start()
    while not _has_handled(port.network.directory, ref.serial, port.address, handled):
        other.ask(("log",))  # let others work
    ref.kill()
    seen.wait(20.0)
    port.losses.sweep()
    assert port.dead_letters == before + 4


def _has_handled(directory: str, serial: int, source: int, messages: int) -> bool:
    return any(settled >= messages for settled, _dead in read(directory, serial, source).values())
