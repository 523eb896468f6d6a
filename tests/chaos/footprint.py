"""What a node occupies: processes, descriptors, files of its mailboxes, memory; and whether it has grown.

Connections between mailboxes are made when two processes first talk, and peers move from one host to another. So of some
descriptors there may be more afterwards, within a bound: one connection per pair of mailboxes, none with a single end;
an event descriptor for each outgoing one; a file of handled counts for each process;
a spill file and a socket for each peer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

__all__ = ["Footprint", "Process", "growth", "measure", "memory_of"]

MEBIBYTE = 1 << 20
# Resident memory, for what hosts share depends on how many fork servers they come from.
PROCESS_GROWTH, PROCESS_SLACK = 1.1, 4 * MEBIBYTE
TREE_GROWTH, TREE_SLACK = 1.05, 4 * MEBIBYTE

ACCEPTED, CONNECTING, EVENT = "mailbox in", "unnamed unix socket", "anon_inode:[eventfd]"
PEER, SPILL, HANDLED, BOOK = "connection", "spill file", "handled counts", "address book"
# Behind a write that has failed, SQLite keeps the descriptor it used beside the new one; a third never comes.
MAY_COME = {HANDLED: 1, BOOK: 2}
STREAM, LISTENING = "0001", 0x10000  # columns of /proc/net/unix
TCP_CONNECTED = {"01", "08"}  # the latter: closed by the remote, and not by us yet


@dataclass(frozen=True, slots=True)
class Process:
    """One process. Args: descriptors, how many of each kind; resident, bytes; share, its part of them (PSS)."""

    name: str
    descriptors: Mapping[str, int]
    resident: int
    share: int


NOBODY = Process("", {}, 0, 0)


@dataclass(frozen=True, slots=True)
class Footprint:
    """All of a node's processes, by name, and the names of the files in its directory."""

    processes: tuple[Process, ...]
    files: tuple[str, ...]

    @property
    def resident(self) -> int:
        """Bytes of all processes together, what they share counted in each."""
        return sum(process.resident for process in self.processes)

    @property
    def share(self) -> int:
        """The same, what they share counted once."""
        return sum(process.share for process in self.processes)

    @property
    def descriptors(self) -> int:
        """Of all processes."""
        return sum(sum(process.descriptors.values()) for process in self.processes)

    def is_like(self, other: Footprint) -> bool:
        """Whether both have the same processes, descriptors and files: nothing was being made or closed."""
        return self.files == other.files and all(
            (mine.name, mine.descriptors) == (theirs.name, theirs.descriptors)
            for mine, theirs in zip_longest(self.processes, other.processes, fillvalue=NOBODY)
        )

    @property
    def endpoints(self) -> list[str]:
        """The mailboxes' sockets: `serial.thread` each."""
        return [name for name in self.files if name.replace(".", "", 1).isdigit()]

    @property
    def handled(self) -> list[int]:
        """Serials of the hosts that have one."""
        return [int(name.partition(".")[0]) for name in self.files if name.endswith(".handled")]


def measure(names: Mapping[int, str], directory: Path) -> Footprint:
    """Args: names, PID → name of every process; directory, of the mailboxes. Raises: OSError, when one has gone."""
    sockets = dict(_sockets(directory))
    processes = [
        Process(name, Counter(_descriptors(pid, directory, sockets)), *memory_of(pid))
        for pid, name in names.items()
    ]
    return Footprint(
        tuple(sorted(processes, key=lambda process: process.name)),
        tuple(sorted(path.name for path in directory.iterdir())),
    )


def growth(
    before: Footprint,
    after: Footprint,
    may_have_counts: Callable[[int], bool],
    *,
    judges_memory: bool = True,
) -> list[str]:
    """What there is more of than there should be, a line each. Args: may_have_counts, by a host's serial."""
    names = [process.name for process in before.processes]
    left = [process.name for process in after.processes]
    if names != left:
        more, fewer = Counter(left) - Counter(names), Counter(names) - Counter(left)
        return [f"processes: {list(more.elements())} more, {list(fewer.elements())} fewer than before"]
    found = [
        line
        for was, now in zip(before.processes, after.processes, strict=True)
        for line in (*_more_descriptors(was, now), *(_more_memory(was, now) if judges_memory else ()))
    ]
    found += _mailboxes(before, after)
    if len(after.endpoints) != len(before.endpoints):
        found.append(f"mailbox sockets: {len(after.endpoints)}, before: {len(before.endpoints)}")
    found += [
        f"handled counts of host {serial} is left" for serial in after.handled if not may_have_counts(serial)
    ]
    others = [name for name in after.files if name not in after.endpoints and not name.endswith(".handled")]
    known = [name for name in before.files if name not in before.endpoints and not name.endswith(".handled")]
    if others != known:
        found.append(f"files: {others}, before: {known}")
    if judges_memory and after.resident > before.resident * TREE_GROWTH + TREE_SLACK:
        found.append(f"memory of all: {_mib(after.resident)}, before: {_mib(before.resident)}")
    return found


def _more_descriptors(was: Process, now: Process) -> Iterator[str]:
    for kind in sorted(now.descriptors.keys() - {ACCEPTED, CONNECTING, EVENT, PEER, SPILL}):
        if now.descriptors[kind] > max(was.descriptors.get(kind, 0), MAY_COME.get(kind, 0)):
            yield f"{now.name}: {now.descriptors[kind]} of {kind}, before: {was.descriptors.get(kind, 0)}"
    if now.descriptors.get(SPILL, 0) > now.descriptors.get(PEER, 0):
        yield f"{now.name}: {now.descriptors[SPILL]} spill files for {now.descriptors.get(PEER, 0)} peers"
    idle = [each.descriptors.get(EVENT, 0) - each.descriptors.get(CONNECTING, 0) for each in (was, now)]
    if idle[1] > idle[0]:
        yield f"{now.name}: {idle[1]} more event descriptors than connections, before: {idle[0]}"


def _more_memory(was: Process, now: Process) -> Iterator[str]:
    if now.resident > was.resident * PROCESS_GROWTH + PROCESS_SLACK:
        yield f"{now.name}: {_mib(now.resident)} resident, before: {_mib(was.resident)}"


def _mailboxes(before: Footprint, after: Footprint) -> Iterator[str]:
    # Unnamed are the ends that connect, and some pairs of sockets within a process, always the same.
    single = [_count(each, CONNECTING) - _count(each, ACCEPTED) for each in (before, after)]
    if single[0] != single[1]:
        yield f"mailbox connections: {single[1]} single ends, before: {single[0]}"
    most = len(after.endpoints) * (len(after.endpoints) - 1)
    if _count(after, ACCEPTED) > most:
        yield f"mailbox connections: {_count(after, ACCEPTED)}, at most {most} pairs"
    peers = [_count(each, PEER) for each in (before, after)]
    if peers[1] > peers[0]:
        yield f"TCP connections: {peers[1]}, before: {peers[0]}"


def _count(footprint: Footprint, kind: str) -> int:
    return sum(process.descriptors.get(kind, 0) for process in footprint.processes)


def _sockets(directory: Path) -> Iterator[tuple[str, str]]:
    """Inode → what it is."""
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        _, _, _, flags, kind, _, inode, *path = line.split()
        if not path:
            yield inode, CONNECTING
        elif path[0].startswith(f"{directory}/") and kind == STREAM and not int(flags, 16) & LISTENING:
            yield inode, ACCEPTED
        else:
            yield inode, "named unix socket"
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            yield fields[9], PEER if fields[3] in TCP_CONNECTED else "listening TCP socket"


def _descriptors(pid: int, directory: Path, sockets: Mapping[str, str]) -> Iterator[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = str(link.readlink())
        kind, _, inode = target.partition(":[")
        if kind == "socket":
            yield sockets.get(inode.rstrip("]"), "socket")
        elif kind == "pipe":
            yield kind
        elif target.endswith(".handled"):
            yield HANDLED
        elif target.endswith(".sqlite"):
            yield BOOK
        elif target.startswith("/") and target.endswith(" (deleted)") and "/#" in target:
            yield SPILL
        else:
            yield target.replace(str(directory), "(mailboxes)")


def memory_of(pid: int) -> tuple[int, int]:
    """Resident bytes and proportional share of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return int(sizes["Rss"]) * 1024, int(sizes["Pss"]) * 1024


def _mib(size: int) -> str:
    return f"{size / MEBIBYTE:.1f} MiB"
