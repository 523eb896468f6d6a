"""The first moments of a host process, as far as they can be had without one."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.actors.runtime.processes import boot as boot_module
from peerage.actors.runtime.processes.boot import tell_failure
from peerage.actors.runtime.processes.passed_fds import PassedFds
from peerage.actors.runtime.processes.requests import Boot
from tests.actors.runtime.mail.fakes import KEY


@pytest.fixture
def directory() -> Iterator[str]:
    directory = tempfile.mkdtemp(prefix="peerage-boot-")
    yield directory
    shutil.rmtree(directory)


def boot(directory: str) -> Boot:
    return Boot(
        name="host",
        serial=7,
        keep=False,
        system="test",
        key=KEY,
        directory=directory,
        directory_identity=(0, 0),
        directory_mended_at=float("-inf"),
        title="peerage",
        path=[],
        environment=None,
        table=b"",
        fd_names=(),
        log_setup=b"",
    )


@pytest.mark.parametrize(
    ("error", "is_limit", "said"),
    [
        (LookupError("no place to log to"), False, "LookupError: no place to log to"),
        (OSError(errno.EMFILE, "too many"), True, "RLIMIT_NOFILE"),
    ],
)
def test_a_host_that_fails_before_it_can_speak_says_why(
    directory: str, error: Exception, is_limit: bool, said: str
) -> None:
    """A limit is named, for it can be raised."""
    failures: list[tuple[int, str, bool]] = []
    fds = PassedFds(directory, KEY, lambda *failure: failures.append(failure), lambda *_: None)
    assert tell_failure(boot(directory), error) is is_limit
    fds.take()
    fds.close()
    [(serial, text, limited)] = failures
    assert (serial, limited) == (7, is_limit)
    assert said in text


def test_a_host_goes_to_the_directory_of_its_program(tmp_path: Path) -> None:
    """By a descriptor, which is closed."""
    before = Path.cwd()
    there = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    try:
        boot_module._go_to(there)
        assert Path.cwd() == tmp_path
    finally:
        os.chdir(before)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(there)


def test_a_host_that_is_there_already_needs_no_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program may have given up its rights since it came there."""

    def refuse(_fd: int) -> None:
        raise PermissionError(errno.EACCES, "permission denied")

    monkeypatch.setattr(os, "fchdir", refuse)
    boot_module._go_to(os.open(".", os.O_PATH | os.O_DIRECTORY))


def test_a_directory_that_cannot_be_entered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host does not run elsewhere."""

    def refuse(_fd: int) -> None:
        raise PermissionError(errno.EACCES, "permission denied")

    monkeypatch.setattr(os, "fchdir", refuse)
    with pytest.raises(OSError, match="the program's directory cannot be entered") as caught:
        boot_module._go_to(os.open(tmp_path, os.O_PATH | os.O_DIRECTORY))
    assert caught.value.filename == str(tmp_path)
