"""What the container or service that this process is in may use of memory and of processes: its control groups.

Groups are nested, and each limits all below it: the one that matters may be far above that of this process. Version 2 has
one hierarchy for all controllers, version 1 has one for each; both are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["Use", "groups", "memory_use", "tasks_use"]

CGROUPS = Path("/sys/fs/cgroup")
NO_LIMIT = 1 << 60  # version 1 writes a number where version 2 says "max"; no machine has as much


class Use(NamedTuple):
    """A limit, and how much of it is used."""

    limit: int
    used: int


class _Files(NamedTuple):
    """Where a version keeps the figures of memory. cache: the name of unused page cache in memory.stat."""

    limits: tuple[str, ...]
    used: str
    cache: str


# `memory.high` kills nobody; it slows the group down until nothing moves, which is no better for a node.
_VERSIONS = (
    _Files(("memory.max", "memory.high"), "memory.current", "inactive_file"),
    _Files(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
)


def memory_use(directories: Sequence[Path] | None = None) -> Use | None:
    """Bytes of memory: the limit that is nearest to being reached, and what is used of it; None where there is no limit.

    Page cache that nobody has used for a while is not counted: the kernel takes it back before anything else.

    Args: directories, of the groups; those of this process if None.
    """
    found = [
        use
        for directory in (groups("memory") if directories is None else directories)
        for use in _memory_of(directory)
    ]
    return min(found, key=lambda use: use.limit - use.used, default=None)


def tasks_use() -> Use | None:
    """Processes and threads, as `memory_use`."""
    found: list[Use] = []
    for directory in groups("pids"):
        limit, used = _number(directory / "pids.max"), _number(directory / "pids.current")
        if limit is not None and used is not None:
            found.append(Use(limit, used))
    return min(found, key=lambda use: use.limit - use.used, default=None)


def groups(controller: str) -> list[Path]:
    """The groups that this process is in for a controller, its own first."""
    for line in _own_lines():
        _hierarchy, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = CGROUPS / controller if controllers else CGROUPS
        own = top / path.lstrip("/")
        if own.is_dir():  # in a container the path may be the host's, and lead nowhere here
            return [own, *(each for each in own.parents if each.is_relative_to(top))]
    return []


def _own_lines() -> list[str]:
    """A line for each hierarchy: its number, its controllers (none in version 2), the path of our group in it."""
    try:
        return Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _memory_of(directory: Path) -> Iterator[Use]:
    for files in _VERSIONS:
        limits = [limit for name in files.limits if (limit := _number(directory / name)) is not None]
        used = _number(directory / files.used) if limits else None
        if used is not None:
            yield Use(min(limits), max(0, used - _cache(directory, files.cache)))


def _number(file: Path) -> int | None:
    try:
        number = int(file.read_text())
    except (OSError, ValueError):  # the controller is off, we may not read it, or it says "max"
        return None
    return number if number < NO_LIMIT else None


def _cache(directory: Path, name: str) -> int:
    try:
        lines = (directory / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)
