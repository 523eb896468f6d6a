"""A node that does not fit under a limit says so before it starts: which limit, and what it needs."""

from __future__ import annotations

import os
import resource

import pytest

from peerage.actors.runtime.control_groups import Use
from peerage.actors.runtime.limits import open_descriptors
from peerage.supervisors.node import room_to_start
from peerage.supervisors.node.room_to_start import SystemLimits, lack_of_room_to_start

MEBIBYTE = 1 << 20
ROOMY = Use(1024, 12)
PARTS, LISTENERS = 6, 1


def test_a_node_fits_where_nothing_limits_it() -> None:
    assert lack_of_room_to_start(PARTS, LISTENERS, SystemLimits(ROOMY)) == ""


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (SystemLimits(Use(64, 12)), ("92 file descriptors", "12 of them in reserve", "64 (RLIMIT_NOFILE)")),
        (SystemLimits(Use(91, 12)), ("92 file descriptors", "91 (RLIMIT_NOFILE)", "ulimit -n")),
        (SystemLimits(ROOMY, user_tasks=31), ("32 processes and threads", "31 (RLIMIT_NPROC)", "ulimit -u")),
        (SystemLimits(ROOMY, tasks=Use(40, 9)), ("32 processes and threads", "40, of which 9", "pids.max")),
        (
            SystemLimits(ROOMY, addresses=200 * MEBIBYTE),
            ("256 MiB of addresses", "200 MiB (RLIMIT_AS)", "ulimit -v"),
        ),
        (
            SystemLimits(ROOMY, memory=Use(100 * MEBIBYTE, 0)),
            ("132 MiB of memory", "100 MiB (memory.max)", "MemoryMax="),
        ),
    ],
    ids=["descriptors", "one too few", "tasks of the user", "tasks of the group", "addresses", "memory"],
)
def test_the_limit_is_named_with_its_value_and_what_is_needed(
    limits: SystemLimits, words: tuple[str, ...]
) -> None:
    """And what raises it."""
    why = lack_of_room_to_start(PARTS, LISTENERS, limits)
    assert [word for word in (*words, "raise it") if word not in why] == []


@pytest.mark.parametrize(
    "limits",
    [
        SystemLimits(Use(92, 12)),
        SystemLimits(ROOMY, user_tasks=32),
        SystemLimits(ROOMY, tasks=Use(40, 8)),
        SystemLimits(ROOMY, addresses=256 * MEBIBYTE),
        SystemLimits(ROOMY, memory=Use(132 * MEBIBYTE, 131 * MEBIBYTE)),
    ],
)
def test_what_is_just_enough_is_enough(limits: SystemLimits) -> None:
    """What others of the group use of its memory may be page cache that is in use now, and not later."""
    assert lack_of_room_to_start(PARTS, LISTENERS, limits) == ""


def test_each_part_needs_more() -> None:
    """A machine with many cores has many peer hosts."""
    assert "142 file descriptors" in lack_of_room_to_start(PARTS + 10, LISTENERS, SystemLimits(Use(100, 12)))
    limits = SystemLimits(ROOMY, memory=Use(132 * MEBIBYTE, 0))
    assert "272 MiB" in lack_of_room_to_start(PARTS + 10, LISTENERS, limits)


def test_the_limits_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root is not held to a number of processes."""
    soft = {resource.RLIMIT_NPROC: 77, resource.RLIMIT_AS: resource.RLIM_INFINITY}
    monkeypatch.setattr(room_to_start, "_soft", {resource.RLIMIT_NPROC: 77, resource.RLIMIT_AS: None}.get)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    limits = SystemLimits.now()
    assert limits.descriptors.limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert abs(limits.descriptors.used - open_descriptors()) <= 1
    assert (limits.user_tasks, limits.addresses) == (77, None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert SystemLimits.now().user_tasks is None
    monkeypatch.undo()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft[which], resource.RLIM_INFINITY))
    assert room_to_start._soft(resource.RLIMIT_NPROC) == 77
    assert room_to_start._soft(resource.RLIMIT_AS) is None
