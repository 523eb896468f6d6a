"""Figures of control groups, read from files like the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.actors.runtime import control_groups
from peerage.actors.runtime.control_groups import Use, groups, memory_use, tasks_use

NO_LIMIT_V1 = "9223372036854771712"


def group(directory: Path, **files: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("_", ".", 1)).write_text(f"{text}\n")
    return directory


def test_the_group_that_is_nearest_to_its_limit_counts(tmp_path: Path) -> None:
    """However far above this process it is; one without a limit never does."""
    own = group(tmp_path / "a" / "b", memory_max="max", memory_current="900")
    above = group(tmp_path / "a", memory_max="1000", memory_current="950")
    top = group(tmp_path, memory_max="2000", memory_current="1900")
    assert memory_use([own, above, top]) == Use(1000, 950)
    assert memory_use([own]) is None
    assert memory_use([tmp_path / "nowhere"]) is None


def test_memory_that_the_kernel_takes_back_first_is_not_counted(tmp_path: Path) -> None:
    """A node that has written a log for days has much of its limit in page cache, and no lack of memory."""
    stat = "anon 300\ninactive_anon 1\nactive_file 100\ninactive_file 500"
    assert memory_use([group(tmp_path, memory_max="1000", memory_current="900", memory_stat=stat)]) == Use(
        1000, 400
    )


def test_a_limit_that_only_slows_down_counts_as_well(tmp_path: Path) -> None:
    """At memory.high the kernel holds up every allocation: nothing moves any more."""
    assert memory_use([group(tmp_path, memory_max="1000", memory_high="700", memory_current="600")]) == Use(
        700, 600
    )


def test_version_1_has_other_names_and_a_number_for_no_limit(tmp_path: Path) -> None:
    stat = "cache 5\ninactive_file 1\ntotal_inactive_file 50"
    limited = group(
        tmp_path / "limited", memory_limit_in_bytes="1000", memory_usage_in_bytes="250", memory_stat=stat
    )
    free = group(tmp_path / "free", memory_limit_in_bytes=NO_LIMIT_V1, memory_usage_in_bytes="7")
    assert memory_use([limited, free]) == Use(1000, 200)
    assert memory_use([free]) is None


def test_the_groups_of_this_process_lead_up_to_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as they can be seen from here; where none can, nothing is known."""
    path = "/system.slice/node.service"
    own = tmp_path / path.lstrip("/")
    monkeypatch.setattr(control_groups, "CGROUPS", tmp_path)
    monkeypatch.setattr(control_groups, "_own_lines", lambda: [f"0::{path}"])
    own.mkdir(parents=True, exist_ok=True)
    assert groups("pids")[0] == own
    assert groups("pids")[-1] == tmp_path
    group(tmp_path, pids_max="max", pids_current="3")
    assert tasks_use() is None
    group(tmp_path, pids_max="12")
    assert tasks_use() == Use(12, 3)
    monkeypatch.setattr(control_groups, "_own_lines", lambda: ["0::/of/another/namespace"])
    assert groups("pids") == []
