"""The socket that descriptors come to the root by, and the last words of processes without a mailbox."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.actors.runtime import ActorStartError
from peerage.actors.runtime.processes import passed_fds
from peerage.actors.runtime.processes.passed_fds import FAILURE_CHARS, PassedFds
from tests.actors.runtime.mail.fakes import KEY


@pytest.fixture
def directory() -> Iterator[str]:
    directory = tempfile.mkdtemp(prefix="peerage-fds-")
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def failures() -> list[tuple[int, str, bool]]:
    return []


@pytest.fixture
def strays() -> list[bytes]:
    return []


@pytest.fixture
def fds(directory: str, failures: list[tuple[int, str, bool]], strays: list[bytes]) -> Iterator[PassedFds]:
    fds = PassedFds(
        directory,
        KEY,
        lambda *failure: failures.append(failure),
        lambda _where, data: strays.append(data),
    )
    yield fds
    fds.close()


def pass_on(directory: str, token: str, numbers: list[int]) -> None:
    passed_fds.pass_on(directory, KEY, token, numbers, time.monotonic() + 5.0, lambda: None)


def test_descriptors_come_with_their_token(directory: str, fds: PassedFds) -> None:
    """As copies, which no program inherits; each once."""
    read, write = os.pipe()
    pass_on(directory, "token", [write])
    assert fds.of("other") == []
    [copy] = fds.of("token")
    os.write(copy, b"x")
    assert os.read(read, 1) == b"x"
    assert not os.get_inheritable(copy)
    assert fds.of("token") == []
    for fd in (read, write, copy):
        os.close(fd)


def test_without_a_token_there_are_no_descriptors(fds: PassedFds) -> None:
    """There is no token."""
    assert fds.of("") == []


@pytest.mark.parametrize("is_limit", [True, False])
def test_a_process_without_a_mailbox_says_what_it_failed_with(
    directory: str, fds: PassedFds, failures: list[tuple[int, str, bool]], is_limit: bool
) -> None:
    """Shortened, and whether it was a limit."""
    passed_fds.tell_failure(directory, KEY, 7, "no memory, \ud800" + "x" * 1000, is_limit=is_limit)
    fds.take()
    [(serial, text, limited)] = failures
    assert (serial, limited) == (7, is_limit)
    assert text.startswith("no memory, \\ud800xxx")
    assert len(text) <= FAILURE_CHARS + len("\\ud800")


def test_nobody_need_listen_to_last_words(directory: str) -> None:
    """The system may have gone before."""
    passed_fds.tell_failure(directory, KEY, 7, "no memory", is_limit=True)


def test_a_socket_whose_directory_was_made_again_is_bound_again(directory: str, fds: PassedFds) -> None:
    """What had come to the old one is not lost."""
    read, write = os.pipe()
    pass_on(directory, "before", [read])
    Path(passed_fds.path_of(directory)).unlink()
    assert fds.is_lost()
    fds.bind_again()
    assert not fds.is_lost()
    pass_on(directory, "after", [write])
    passed = [*fds.of("before"), *fds.of("after")]
    assert len(passed) == 2
    for fd in (read, write, *passed):
        os.close(fd)


def test_whoever_passes_descriptors_makes_the_directory_again(directory: str) -> None:
    """And waits for the root to notice."""
    found: list[PassedFds] = []

    def mend() -> None:
        if not found:
            found.append(PassedFds(directory, KEY, lambda *_: None, lambda *_: None))

    read, write = os.pipe()
    passed_fds.pass_on(directory, KEY, "token", [read], time.monotonic() + 5.0, mend)
    [fds] = found
    [copy] = fds.of("token")
    fds.close()
    for fd in (read, write, copy):
        os.close(fd)


def test_a_root_that_does_not_come_back_is_not_waited_for_for_ever(directory: str) -> None:
    """The start has its own time."""
    with pytest.raises(FileNotFoundError):
        passed_fds.pass_on(directory, KEY, "token", [0], time.monotonic(), lambda: None)


def test_a_root_that_will_not_come_back_is_not_waited_for(directory: str) -> None:
    """The system has ended."""

    def mend() -> None:
        raise ActorStartError("actor", "the system is shutting down")

    with pytest.raises(ActorStartError):
        passed_fds.pass_on(directory, KEY, "token", [0], float("inf"), mend)


def test_what_was_passed_for_nothing_is_closed(directory: str, fds: PassedFds) -> None:
    """With the socket."""
    read, write = os.pipe()
    pass_on(directory, "token", [write])
    fds.take()
    fds.close()
    os.close(write)
    assert os.read(read, 1) == b""  # nobody has a copy of the other end
    os.close(read)


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"failed x y", b"k" * 16 + b"token"])
def test_what_is_without_the_key_is_refused(
    directory: str, fds: PassedFds, failures: list[tuple[int, str, bool]], strays: list[bytes], data: bytes
) -> None:
    """Its descriptors are closed, and what comes behind it is taken."""
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(passed_fds.path_of(directory))
        socket.send_fds(sock, [data], [write])
    os.close(write)
    pass_on(directory, "token", [read])
    [copy] = fds.of("token")
    assert strays == [data]
    assert failures == []
    assert os.read(read, 1) == b""  # nobody has a copy of the other end
    os.close(read)
    os.close(copy)
