"""Collects the stacks of a node's processes, and what its actors do: each writes its own at SIGUSR2, also one that hangs.

A process that does not catch the signal would die of it. So the kernel is asked first.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from peerage.actors.stack_dumps import ACTORS_MARK, STACKS_SIGNAL

__all__ = ["ProcessStacks", "actor_lines", "catches_signal", "collect", "collect_stacks"]

LOOK_S: Final = 0.01
SETTLED_S: Final = 0.1  # so long nothing more has come: the handler writes without a pause
MOST_S: Final = 1.0  # for one process
MOST_TOGETHER_S: Final = 30.0
MOST_BYTES: Final = 1024 * 1024  # of one process
_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class ProcessStacks:
    """Of one process.

    Attributes: pid, title; threads, where each of them is, as Python's faulthandler writes it, or why that is not known;
        actors, what each is doing, as `peerage.actors.runtime.doing.Doing` has it; None if the process has not said,
        because it is in the middle of something that is not Python.
    """

    pid: int
    title: str
    threads: str
    actors: list[dict[str, Any]] | None = None


def collect(
    processes: Iterable[tuple[int, str]], file: Path, most_s: float = MOST_TOGETHER_S
) -> list[ProcessStacks]:
    """Have each process write its stacks, one after the other. Args: file, that they append to.

    Nothing is raised: what could not be got is said in its place.
    """
    until = time.monotonic() + most_s
    found = []
    for pid, title in processes:
        text = "not asked: it took too long" if time.monotonic() > until else _stacks_of(pid, file)
        found.append(ProcessStacks(pid, title, text))
    said = dict(_actors_in(file))
    with suppress(OSError):
        os.truncate(file, 0)  # its writers append
    return [replace(each, threads=_without_actors(each.threads), actors=said.get(each.pid)) for each in found]


def collect_stacks(processes: Iterable[tuple[int, str]], file: Path, most_s: float = MOST_TOGETHER_S) -> str:
    """The same as one text."""
    return "\n".join(map(_text, collect(processes, file, most_s)))


def _text(each: ProcessStacks) -> str:
    lines = [
        f"==== {each.title} (process {each.pid})",
        *actor_lines(each.actors or []),
        each.threads.rstrip(),
    ]
    return "\n".join(lines) + "\n"


def actor_lines(actors: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Some lines for each actor that does something, or has messages waiting."""
    for actor in actors:
        facts = [actor["state"]]
        if actor["message"]:
            facts.append(f"{actor['message']}, {actor['age']:.1f} s old")
        if actor["waits_for"]:
            facts.append(f"waits for {actor['waits_for']}")
        if actor["mailbox"]:
            facts.append(f"{actor['mailbox']} messages wait, the oldest for {actor['oldest_age']:.1f} s")
        yield f"{actor['actor']}  {actor['class_path']}  {'; '.join(facts)}"
        yield from (f"    {place}" for place in actor["stack"])


def _actors_in(file: Path) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Of each process the last that it has said of its actors."""
    try:
        text = file.read_bytes().decode(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if line.startswith(ACTORS_MARK):
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(line.removeprefix(ACTORS_MARK))
                yield said["pid"], said["actors"]


def _without_actors(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith(ACTORS_MARK))


def catches_signal(pid: int) -> bool:
    """Whether a process has a handler for the signal; one without would end. Raises: OSError, it is gone."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        name, _, mask = line.partition(":")
        if name == "SigCgt":
            return bool(int(mask, 16) >> (STACKS_SIGNAL - 1) & 1)
    return False


def _stacks_of(pid: int, file: Path) -> str:
    try:
        begin = file.stat().st_size
        if not catches_signal(pid):
            return "no actor runs in it, so it writes no stacks"
        os.kill(pid, STACKS_SIGNAL)
    except (OSError, ValueError) as error:
        return f"not asked: {getattr(error, 'strerror', None) or error}"
    now = quiet_since = time.monotonic()
    until, size, text = now + MOST_S, begin, ""
    # The line about actors comes last, when the interpreter goes on, if it does.
    while now < until and (ACTORS_MARK not in text or now - quiet_since < SETTLED_S):
        time.sleep(LOOK_S)
        now, before = time.monotonic(), size
        size = file.stat().st_size
        if size != before:
            quiet_since, text = now, _read_from(file, begin)
    return text or f"it has written nothing within {MOST_S:g} s"


def _read_from(file: Path, begin: int) -> str:
    with file.open("rb") as written:
        written.seek(begin)
        return written.read(MOST_BYTES).decode(errors="replace")
