"""Large frames between processes of one system: by shared memory, with all that messages are promised."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from peerage.actors.runtime import (
    ActorDeadError,
    ActorRef,
    Frames,
    ProcessActor,
    Reply,
    System,
    readonly,
)
from peerage.actors.runtime.mail.arena import COUNT, LEASE
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.memory import LARGE, Borrowed, Raw, is_unchanging
from peerage.actors.runtime.mail.process import current_port, current_process
from peerage.actors.runtime.mail.shared_file import create
from peerage.actors.runtime.mail.shared_memory import SharedMemory
from peerage.actors.runtime.mail.taken_blocks import LeaseError
from peerage.testing import wait_until
from tests.actors.runtime.mail.fakes import ADDRESS, HOST

SIZE = 4 * LARGE
ENDS_S = 30.0


class Keeper(ProcessActor):
    """Keeps what it is told, until it is asked to work."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []
        self.reply: Reply | None = None

    def on_receive(self, message: Any) -> Any:
        match message:
            case Frames():
                return message
            case str(name):
                return getattr(self, f"do_{name}")()
            case (str("pass"), ActorRef() as ref):
                ref.tell([numbers(1), numbers(2)])
                return None
            case (str("wait"), str(path)):
                return self._wait_for_a_message(path)
            case _:
                self.kept.append(message)
                return None

    def _wait_for_a_message(self, path: str) -> str:
        """Say that one has come, and do not read it before another has been told that it may be."""
        port = current_port()
        Path(path, "begun").write_text("nothing but what comes from now on is waited for")
        has_come = port.inbox.wait(ENDS_S)
        port.reader.has_skipped = True
        Path(path, "come").write_text(str(has_come))
        return Path(path, "gate").read_text()

    def do_sums(self) -> list[float]:
        return [float(np.sum(each)) for each in self.kept]

    def do_forget(self) -> None:
        self.kept.clear()

    def do_give(self) -> Any:
        return numbers(1)

    def do_lent(self) -> int:
        return lent()

    def do_fork(self) -> tuple[float, float]:
        """What a child has of what was received, when its parent has changed that and let go of it."""
        answers, answer = os.pipe()
        changes, change = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(changes, 1)
            os.write(answer, np.float64(self.kept[0].sum()).tobytes())
            os._exit(0)
        self.kept[0][:] = -1
        mine = float(self.kept[0].sum())
        self.kept.clear()
        os.write(change, b"x")
        theirs = float(np.frombuffer(os.read(answers, 8))[0])
        os.waitpid(pid, 0)
        for fd in (answers, answer, changes, change):
            os.close(fd)
        return mine, theirs


def numbers(value: float) -> Any:
    return np.full(SIZE // 8, float(value))


def memory() -> SharedMemory:
    process = current_process()
    assert process is not None
    return process.network.memory


def lent() -> int:
    gc.collect()
    return memory().bytes_lent


def taken() -> int:
    """How many blocks this process has and uses."""
    gc.collect()
    blocks: Any = memory().taken
    return len(blocks._live)


@pytest.fixture
def keeper(system: System) -> Iterator[ActorRef[Keeper]]:
    assert current_port().wait(lambda: not lent(), ENDS_S)  # what tests before this one have sent
    yield Keeper.start()
    assert not taken()


PAYLOADS: dict[str, Callable[[], Any]] = {
    "array": lambda: numbers(7),
    "read-only array": lambda: np.frombuffer(readonly(numbers(7))),
    "bytes": lambda: bytes(range(256)) * (SIZE // 256),
    "bytearray": lambda: bytearray(range(256)) * (SIZE // 256),
    "much": lambda: bytes(range(256)) * (5 * 1024 * 1024 // 256),
    "nested": lambda: {"a": [numbers(1), numbers(2)], "b": bytes(SIZE)},
}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_payloads_come_back_as_what_they_were(keeper: ActorRef[Keeper], kind: str) -> None:
    """Of the same type, and writable if they were; nothing is lent any more afterwards."""
    value = PAYLOADS[kind]()
    keeper.tell(value)
    answer = keeper.proxy().kept.get(timeout=ENDS_S)[0]
    assert type(answer) is type(value)
    if isinstance(value, np.ndarray):
        assert (answer == value).all()
        assert answer.flags.writeable is value.flags.writeable
    elif isinstance(value, dict):
        assert [list(each) for each in answer["a"]] == [list(each) for each in value["a"]]
        assert answer["b"] == value["b"]
    else:
        assert answer == value
    del answer
    keeper.ask("forget")
    assert lent() == 0
    assert keeper.ask("lent") == 0


def test_received_frames_are_for_reading_and_are_passed_on(keeper: ActorRef[Keeper]) -> None:
    """They lie where they were put; nobody has another view of them."""
    frames = keeper.ask(Frames("header", [bytes(SIZE), b"small", bytearray(LARGE)])).frames
    assert [type(frame) for frame in frames] == [memoryview, bytes, memoryview]
    assert frames[0].readonly
    assert is_unchanging(frames[0])
    del frames


def test_messages_keep_their_order_by_whatever_way_they_go(keeper: ActorRef[Keeper]) -> None:
    """Large ones do not overtake small ones, nor these them."""
    for number in range(20):
        keeper.tell(numbers(number) if number % 3 else np.array([float(number)]))
    sums = keeper.ask("sums")
    assert sums == [float(number * (SIZE // 8 if number % 3 else 1)) for number in range(20)]


def test_what_is_sent_is_what_it_was(keeper: ActorRef[Keeper]) -> None:
    """The sender goes on with its array as soon as the call has returned."""
    value = numbers(0)
    for number in range(10):
        value[:] = number
        keeper.tell(value)
    value[:] = -1
    assert keeper.ask("sums") == [float(number * SIZE // 8) for number in range(10)]


def test_a_killed_receiver_frees_what_it_had(keeper: ActorRef[Keeper]) -> None:
    """Also what it had not taken."""
    for number in range(5):
        keeper.tell(numbers(number))
    keeper.ask("sums")
    assert lent() == 5 * SIZE
    keeper.kill()
    with pytest.raises(ActorDeadError):
        keeper.ask("sums")
    assert lent() == 0


def test_a_killed_sender_leaves_what_it_has_sent_and_no_more(keeper: ActorRef[Keeper]) -> None:
    """Its last answer can be read as long as somebody has it. Then its memory is given back."""
    answer = keeper.ask("give")
    keeper.ask("sums")
    keeper.kill()
    with pytest.raises(ActorDeadError):
        keeper.ask("sums")
    before = os.fstat(memory().fd).st_blocks
    assert answer.sum() == SIZE // 8
    del answer
    assert taken() == 0
    wait_until(
        lambda: os.fstat(memory().fd).st_blocks < before, ENDS_S
    )  # by another thread: no message tells of it


def test_what_was_handed_over_by_a_killed_sender_is_delivered(
    keeper: ActorRef[Keeper], tmp_path: Path
) -> None:
    """Its receiver was busy, and takes it afterwards."""
    for name in ("begun", "come", "gate"):
        os.mkfifo(tmp_path / name)
    other = Keeper.start()
    waits = other.ask(("wait", str(tmp_path)), block=False)
    assert (tmp_path / "begun").read_text()
    keeper.ask(("pass", other))
    assert keeper.ask("lent") == 2 * SIZE
    assert (tmp_path / "come").read_text() == "True"
    keeper.kill()
    with pytest.raises(ActorDeadError):
        keeper.ask("sums")
    (tmp_path / "gate").write_text("go")
    assert waits.get(timeout=ENDS_S) == "go"
    assert other.ask("sums") == [3 * SIZE / 8]


def test_a_child_that_an_actor_forks_has_what_was_there(keeper: ActorRef[Keeper]) -> None:
    """As with any other memory, its parent's changes are not its own."""
    keeper.tell(numbers(1))
    assert keeper.ask("fork") == (-SIZE / 8, SIZE / 8)
    assert lent() == 0


PROGRAM = """
import gc, os, sys
import numpy as np
from peerage.actors.runtime import ProcessActor, System
from peerage.actors.runtime.mail import shared_file
from peerage.actors.runtime.mail.process import current_process

class Keeper(ProcessActor):
    def __init__(self):
        super().__init__()
        self.kept = []
    def on_receive(self, message):
        if isinstance(message, str):
            return [float(each[0]) for each in self.kept]
        self.kept.append(message)
        return message

def mapped():
    return [line for line in open("/proc/self/maps") if "memfd:peerage" in line]

def open_files():
    return [name for fd in os.listdir("/proc/self/fd") if "memfd:peerage" in (name := links(fd))]

def links(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""
"""


def run(body: str) -> None:
    """Run a program with a system of its own."""
    program = PROGRAM + "\nif __name__ == '__main__':\n" + textwrap.indent(textwrap.dedent(body), "    ")
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_what_finds_no_room_goes_by_the_socket() -> None:
    """And arrives as well. No more than the limit is ever lent."""
    run("""
        with System():
            keeper = Keeper.start()
            memory = current_process().network.memory
            memory.limit = 1 << 20
            for number in range(20):
                keeper.tell(np.full(20_000, float(number)))
            assert keeper.ask("all") == [float(number) for number in range(20)]
            assert 900_000 < memory.bytes_lent <= memory.limit
            assert keeper.ask(np.full(200_000, 1.0)).sum() == 200_000
    """)


def test_without_the_file_all_goes_by_the_socket() -> None:
    """Where the kernel has none."""
    run("""
        del os.memfd_create
        with System():
            keeper = Keeper.start()
            assert current_process().network.memory.fd < 0
            assert keeper.ask(np.full(200_000, 1.0)).sum() == 200_000
            assert keeper.ask(bytes(1_000_000)) == bytes(1_000_000)
            assert not open_files()
    """)


def test_where_addresses_are_limited_all_goes_by_the_socket() -> None:
    """A region would take too many of them."""
    run("""
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (1 << 34, 1 << 34))
        with System():
            keeper = Keeper.start()
            assert keeper.ask(np.full(200_000, 1.0)).sum() == 200_000
            assert not mapped()
    """)


def test_after_the_end_nothing_is_left_but_what_is_in_use() -> None:
    """An answer stays what it was; the file is closed, and mapped no longer than that."""
    run("""
        shm = set(os.listdir("/dev/shm"))
        with System():
            keeper = Keeper.start()
            answer = keeper.ask(np.full(200_000, 1.0))
            assert mapped()
            assert open_files()
            again = keeper.ask(np.full(200_000, 2.0))
        assert not open_files()
        assert mapped()
        assert answer.sum() == 200_000
        answer[:] = 3.0
        del answer
        assert again.sum() == 400_000
        del again
        gc.collect()
        assert not mapped()
        assert set(os.listdir("/dev/shm")) <= shm
        with System():
            assert Keeper.start().ask(np.full(200_000, 1.0)).sum() == 200_000
    """)


# The parts, in one process


@pytest.fixture
def fd() -> Iterator[int]:
    number = create()
    yield number
    os.close(number)


def test_a_message_is_put_there_and_put_together_again(fd: int) -> None:
    """Its frames in their places, whatever way each of them went."""
    sender, receiver = SharedMemory(os.dup(fd), 3, HostTable()), SharedMemory(fd, HOST, HostTable())
    frames: list[Raw] = [b"small", bytes(LARGE), bytearray(b"also"), os.urandom(SIZE)]
    (body, rest, slots), is_shared = sender.place(ADDRESS, b"body", frames)
    assert is_shared
    assert len(slots) == len(rest) == 2
    body, found = receiver.take(ADDRESS, body, rest, True)
    assert body == b"body"
    assert found == frames
    assert isinstance(found[1], memoryview)
    assert found[1].readonly
    del found
    assert sender.bytes_lent == 0
    sender.close()


def test_what_is_borrowed_is_copied_when_it_is_not_put_there() -> None:
    """Without a file, for example."""
    frame = bytearray(LARGE)
    memory = SharedMemory(-1, HOST, HostTable())
    (body, rest, slots), is_shared = memory.place(ADDRESS, b"body", Borrowed([memoryview(frame), b"small"]))
    frame[:] = b"x" * LARGE
    assert not is_shared
    assert (body, rest, list(slots)) == (b"body", [bytes(LARGE), b"small"], [])
    memory.look(list)
    memory.forget(ADDRESS)
    memory.cancel(slots)
    memory.close()


@pytest.mark.parametrize(
    "body", [b"", COUNT.pack(1), COUNT.pack(2) + bytes(LEASE.size)], ids=["empty", "none", "short"]
)
def test_a_body_that_ends_before_its_leases_is_refused(fd: int, body: bytes) -> None:
    """It cannot come from outside, but a message that cannot be read must not end its receiver."""
    receiver = SharedMemory(fd, HOST, HostTable())
    with pytest.raises(LeaseError):
        receiver.take(ADDRESS, body, [], True)


def test_a_forked_child_sends_nothing_there(fd: int) -> None:
    """The region is its parent's."""
    memory = SharedMemory(os.dup(fd), 3, HostTable())
    assert memory.place(ADDRESS, b"", [bytes(LARGE)])[1]
    memory.hold_still()
    pid = os.fork()
    if pid == 0:
        kept = memory.disown()
        is_right = kept is not None and not memory.place(ADDRESS, b"", [bytes(LARGE)])[1] and memory.fd < 0
        os._exit(0 if is_right else 1)
    memory.go_on()
    assert os.waitpid(pid, 0)[1] == 0
    assert memory.place(ADDRESS, b"", [bytes(LARGE)])[1]
    memory.close()
