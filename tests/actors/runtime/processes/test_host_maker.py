"""How hosts are made, with a fork server that the test plays and without a process."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.errors import ActorStartError, StartLimitError
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.limits import PROCESS_COST
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.processes import fork_server_line, host_maker
from peerage.actors.runtime.processes.host_maker import HostMaker
from peerage.actors.runtime.processes.host_records import HostRecord, HostRecords
from peerage.actors.runtime.processes.requests import Reservation
from peerage.actors.runtime.processes.waiting_starts import WaitingStarts
from tests.actors.runtime.host.fakes import Post
from tests.actors.runtime.host.fakes import loop as fake_loop
from tests.actors.runtime.processes.fakes import ASKER, Server, Timers, asker, spawn_request

PID = 70
OWNER = ActorRef("owner", "elsewhere", 9, system="test")


class Owners:
    """Who belongs to whom."""

    def __init__(self) -> None:
        self.gone = False
        self.hosts: list[int] = []

    def is_gone(self, _owner: ActorRef[Any]) -> bool:
        return self.gone

    def add(self, _owner: ActorRef[Any], host: int) -> None:
        self.hosts.append(host)

    def replace(self, host: int, successor: int) -> None:
        if host in self.hosts:
            self.hosts[self.hosts.index(host)] = successor


class Passed:
    """Descriptors that have been passed."""

    def __init__(self) -> None:
        self.fds: list[int] = []

    def of(self, _token: str) -> list[int]:
        return self.fds


class Root:
    """All that the maker is made of, and what it has done."""

    def __init__(self, process: Process, loop: Loop[Any]) -> None:
        self.records, self.server, self.owners, self.passed = HostRecords(), Server(), Owners(), Passed()
        self.post = Post()
        self.killed: list[str] = []
        self.removed: list[tuple[str, DownReason]] = []
        self.starts = WaitingStarts(self.records, Timers(), "root")
        self.maker = HostMaker(
            process,
            self.records,
            self.starts,
            self.owners,  # type: ignore[arg-type]  # as far as it is used
            self.passed,  # type: ignore[arg-type]  # the same
            self.server,  # type: ignore[arg-type]  # the same
            loop,
            log_setup=b"system's",
            kill=self.kill,
            remove=self.remove,
            on_death=lambda _record: None,
        )

    def kill(self, record: HostRecord) -> None:
        record.must_die = True
        self.killed.append(record.name)

    def remove(self, record: HostRecord, reason: DownReason) -> None:
        if self.records.remove(record):
            self.removed.append((record.name, reason))
            record.asker.refuse(record.start_error(reason, is_system_ending=False))

    def spawn(self, host: str = "host", number: int = 1, **fields: Any) -> HostRecord | None:
        body = codec.dumps(tuple(spawn_request(host, **fields)))
        request = asker(self.post, number)
        request.serve(self.maker.spawn, request, b"", body)
        return self.records.of_name(host)

    def hear(self, *report: Any, fds: list[int] | None = None) -> None:
        self.server.report = (report, fds or [])
        self.maker.line.hear()

    def die(self) -> None:
        self.server.report = EOFError
        self.maker.line.hear()

    def errors(self) -> list[Any]:
        return [value for _address, kind, _number, value in self.post.sent if kind == Kind.FAIL]


@pytest.fixture
def root(lonely: Process, monkeypatch: pytest.MonkeyPatch) -> Iterator[Root]:
    monkeypatch.setattr(fork_server_line, "RENEWAL_PAUSE_S", 0.0)
    loop, _poller = fake_loop()
    root = Root(lonely, loop)
    yield root
    loop.close()


@pytest.fixture
def pidfd() -> Iterator[int]:
    fd = os.eventfd(0)
    yield fd
    with_closed(fd)


def with_closed(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:  # the root has done so
        return


def test_a_host_is_asked_for_with_all_that_it_must_know(root: Root, lonely: Process) -> None:
    """Its serial, who else is there, and where it is to be; the directory goes with what it is passed."""
    lonely.table.up(HostFacts("other", 9, 99), frozenset())
    record = root.spawn(keep=True)
    assert record is not None
    [(boot, fds)] = root.server.forks
    assert (boot.name, boot.serial, boot.keep, boot.log_setup, fds) == (
        "host",
        record.serial,
        True,
        b"system's",
        1,
    )
    assert boot.directory == lonely.directory
    hosts, booting, _highest = codec.decode(0, boot.table, ())
    assert "other" in str(hosts)
    assert booting == {record.serial}


def test_an_environment_that_is_the_fork_servers_is_not_sent(root: Root) -> None:
    """It has it already."""
    root.spawn("a")
    root.server.environment = dict(os.environ)
    root.spawn("b")
    assert [boot.environment is None for boot, _fds in root.server.forks] == [False, True]


def test_a_host_that_is_forked_is_known_by_its_process(root: Root, pidfd: int) -> None:
    """What it was passed is closed here: it has its own."""
    read, write = os.pipe()
    root.passed.fds = [write]
    record = root.spawn(fd_names=("out",), fd_token="token")
    assert record is not None
    root.hear("forked", record.serial, PID, fds=[pidfd])
    assert (root.records.of_pid(PID), record.pidfd) == (record, pidfd)
    assert os.read(read, 1) == b""  # nobody has the other end
    os.close(read)


def test_a_start_whose_descriptors_did_not_arrive_is_refused(root: Root) -> None:
    """Those that did are closed."""
    root.spawn(fd_names=("out",), fd_token="token")
    assert "only 0 of the 1 descriptors" in str(root.errors()[0])


def test_nobody_starts_linked_to_the_dead(root: Root) -> None:
    """Nothing would ever end it."""
    root.owners.gone = True
    assert root.spawn(owner=OWNER) is None
    assert "which it would be linked to, has ended" in str(root.errors()[0])


def test_a_linked_host_belongs_to_its_owner_from_the_first(root: Root) -> None:
    """The owner may end while it is being forked."""
    record = root.spawn(owner=OWNER)
    assert record is not None
    assert root.owners.hosts == [record.serial]


@pytest.mark.parametrize(
    ("limit", "text", "kind", "said"),
    [
        ("", "strange", ActorStartError, "cannot be forked: strange"),
        ("no room", "", StartLimitError, "no room"),
    ],
)
def test_a_failed_fork_refuses_the_start_with_its_reason(
    root: Root, limit: str, text: str, kind: type[Exception], said: str
) -> None:
    """And nothing is left of the host."""
    record = root.spawn()
    assert record is not None
    root.hear("not forked", record.serial, limit, text)
    [error] = root.errors()
    assert type(error) is kind
    assert said in str(error)
    assert root.records.of_name("host") is None


def test_a_host_whose_pidfd_finds_no_room_is_killed(root: Root) -> None:
    """Its death could not be heard of."""
    record = root.spawn()
    assert record is not None
    root.hear("forked", record.serial, PID)
    assert root.server.killed == [PID]
    assert isinstance(root.errors()[0], StartLimitError)


def test_a_host_that_nobody_wants_any_more_is_killed_when_it_is_forked(
    root: Root, pidfd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record is gone by then."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda fd, number: sent.append((fd, number)))
    record = root.spawn()
    assert record is not None
    record.asker.refuse(ActorStartError("host", "given up"))
    root.hear("forked", record.serial, PID, fds=[pidfd])
    assert sent == [(pidfd, signal.SIGKILL)]


def test_one_that_is_to_die_is_killed_as_soon_as_it_is_there(root: Root, pidfd: int) -> None:
    """It could not be before."""
    record = root.spawn()
    assert record is not None
    record.must_die = True
    root.hear("forked", record.serial, PID, fds=[pidfd])
    assert root.killed == ["host"]


def test_how_a_process_ended_is_noted(root: Root, pidfd: int) -> None:
    """The fork server has reaped it."""
    record = root.spawn()
    assert record is not None
    root.hear("forked", record.serial, PID, fds=[pidfd])
    root.hear("exited", PID, 9)
    root.hear("exited", 99, 9)
    assert record.status == 9


def test_when_the_fork_server_has_died_its_successor_is_asked_anew(root: Root) -> None:
    """Under a new serial, so that what the dead one may have forked is turned away; those who wait go along."""
    record = root.spawn(owner=OWNER)
    assert record is not None
    root.spawn(number=2)  # waits for the name
    root.die()
    successor = root.records.of_name("host")
    assert successor is not None
    assert [boot.serial for boot, _fds in root.server.forks] == [record.serial, successor.serial]
    assert [start.asker.corr for start in successor.waiting] == [2]
    assert root.owners.hosts == [successor.serial]


def test_what_was_to_die_meanwhile_is_not_asked_for_again(root: Root) -> None:
    """It has not come to be."""
    record = root.spawn()
    assert record is not None
    record.must_die = True
    root.die()
    assert [(name, str(reason)) for name, reason in root.removed] == [
        ("host", "killed: killed before it had started")
    ]


def test_without_a_fork_server_waiting_starts_are_refused(root: Root) -> None:
    """The next start tries to have one again."""
    root.spawn()
    root.server.fault = OSError(errno.ENOENT, "no interpreter")
    root.die()
    assert "the fork server cannot be started again" in str(root.errors()[0])
    root.spawn("next", number=2)
    assert "the fork server cannot be started again" in str(root.errors()[1])
    root.server.fault = None
    assert root.spawn("last", number=3) is not None


def test_when_the_system_ends_nobody_waits_for_what_was_never_forked(root: Root) -> None:
    """The fork server has died with the request."""
    root.spawn()
    root.maker.line.is_over = True
    root.die()
    assert [name for name, _reason in root.removed] == ["host"]


def test_a_start_that_is_given_up_kills_its_host(root: Root) -> None:
    """And no other of the same asker."""
    for number, name in enumerate(("a", "b"), 1):
        root.spawn(name, number=number)
    request = asker(root.post, 9)
    root.maker.give_up(request, b"", codec.dumps(1))
    assert root.killed == ["a"]
    assert root.post.sent[-1][:3] == (ASKER, Kind.REPLY, 9)


def test_who_has_been_asked_needs_no_more_descriptors_to_answer(
    root: Root, lonely: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that others have started are expected to be asked once; that is counted as open afterwards."""
    needed: list[int] = []
    monkeypatch.setattr(host_maker, "lack_of_descriptors", lambda number, _purpose: needed.append(number))
    live(lonely)
    one = root.spawn("one")
    assert one is not None
    lonely.table.up(HostFacts("one", one.serial, 77), frozenset())
    root.records.note_up(one)
    root.spawn("two", number=2)
    address = one.serial << THREAD_BITS
    Path(lonely.network.endpoint(address).removeprefix("ipc://")).touch()
    port = lonely.make_port()
    port.send(address, Kind.WAKE)
    root.spawn("three", number=3)
    port.close()
    assert needed == [PROCESS_COST, PROCESS_COST + 1, 2 * PROCESS_COST]


def reserve(root: Root, lonely: Process) -> None:
    request = asker(root.post, 1)
    body = codec.dumps(tuple(Reservation("thread", {}, OWNER, stops_others=True)))
    request.serve(root.maker.reserve, request, b"", body)


def live(lonely: Process) -> None:
    """Let the asker have a mailbox."""
    lonely.table.up(HostFacts("asker", ASKER >> THREAD_BITS, 99), frozenset())
    Path(lonely.network.endpoint(ASKER).removeprefix("ipc://")).touch()


def test_a_host_in_a_thread_gets_its_serial(root: Root, lonely: Process) -> None:
    """It lives in its asker's process."""
    live(lonely)
    reserve(root, lonely)
    record = root.records.of_name("thread")
    assert record is not None
    assert root.post.sent == [(ASKER, Kind.REPLY, 1, record.serial)]
    assert (record.pid, record.owner, record.standing.is_patient) == (99, OWNER, True)


def test_a_thread_of_the_dead_takes_no_name(root: Root, lonely: Process) -> None:
    """Nobody would ever free it."""
    live(lonely)
    lonely.table.down(ASKER >> THREAD_BITS, DownReason("killed"), frozenset(), gracefully=False)
    reserve(root, lonely)
    assert root.records.of_name("thread") is None


def test_a_thread_that_has_closed_its_mailbox_makes_no_other(root: Root, lonely: Process) -> None:
    """Its process lives on, so the name would stay taken until that has ended."""
    live(lonely)
    reserve(root, lonely)
    root.maker.asker_is_gone(ASKER + 1)
    assert root.records.of_name("thread") is not None
    root.maker.asker_is_gone(ASKER)
    assert [name for name, _reason in root.removed] == ["thread"]
    Path(lonely.network.endpoint(ASKER).removeprefix("ipc://")).unlink()
    reserve(root, lonely)
    assert root.records.of_name("thread") is None


def test_a_thread_that_is_up_outlives_whoever_has_made_it(root: Root, lonely: Process) -> None:
    """And so does a process."""
    live(lonely)
    reserve(root, lonely)
    record = root.records.of_name("thread")
    assert record is not None
    root.records.note_up(record)
    root.records.note_known(record)
    root.spawn("process")
    root.maker.asker_is_gone(ASKER)
    assert root.removed == []


def test_what_nobody_foresaw_is_the_askers_error_too(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left of the host."""

    def fail() -> list[str]:
        raise RuntimeError("no path today")

    monkeypatch.setattr(host_maker, "import_path", fail)
    root.spawn()
    assert "RuntimeError: no path today" in str(root.errors()[0])
    assert root.records.of_name("host") is None


def test_a_held_host_starts_its_actor_when_it_is_released(root: Root) -> None:
    """What that is comes with the release, before or after the host is up."""
    early, late = root.spawn("early", number=4, is_held=True), root.spawn("late", number=5, is_held=True)
    assert early is not None
    assert late is not None
    assert root.maker.release(ASKER, 4, b"body") is None
    assert root.maker.take_start_body(early) == b"body"
    late.is_up = True
    assert root.maker.take_start_body(late) is None
    assert root.maker.release(ASKER, 5, b"other") is late
    assert root.maker.take_start_body(late) == b"other"


def test_a_host_that_nobody_holds_has_its_body_already(root: Root) -> None:
    record = root.spawn(start_body=b"body")
    assert record is not None
    assert root.maker.take_start_body(record) == b"body"


def test_nothing_is_kept_of_a_held_start_that_is_over(root: Root) -> None:
    """It was given up, or its process could not be made: its release comes too late."""
    record = root.spawn(number=4, is_held=True)
    assert record is not None
    root.hear("not forked", record.serial, "", "no")
    assert len(root.errors()) == 1
    assert root.maker.release(ASKER, 4, b"body") is None


def test_a_host_is_told_what_to_import_while_it_waits(root: Root) -> None:
    root.spawn(module="some.module", is_held=True)
    [(boot, _fds)] = root.server.forks
    assert boot.module == "some.module"
