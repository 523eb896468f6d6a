"""The file in memory that the processes of one system share."""

from __future__ import annotations

import fcntl
import gc
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.actors.runtime.mail import shared_file
from peerage.actors.runtime.mail.shared_file import (
    PAGE,
    SPACE,
    TABLE,
    Region,
    bytes_of,
    create,
    may_map,
    punch,
)

SIZE = 3 * PAGE + 5


@pytest.fixture
def fd() -> Iterator[int]:
    number = create()
    yield number
    os.close(number)


def blocks(fd: int) -> int:
    """Bytes of memory that the file takes."""
    return os.fstat(fd).st_blocks * 512


def mapped() -> int:
    """How often the file is mapped here."""
    return Path("/proc/self/maps").read_text().count("memfd:peerage")


def test_a_file_takes_no_memory_and_keeps_its_size(fd: int) -> None:
    """What is mapped of it cannot cease to be there."""
    assert blocks(fd) == 0
    with pytest.raises(PermissionError):
        os.ftruncate(fd, 0)
    assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_where_there_can_be_none_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that has no such files, or a limit on the size of files."""
    with monkeypatch.context() as patch:
        patch.delattr(os, "memfd_create")
        assert create() == -1
    with monkeypatch.context() as patch:
        patch.setattr(shared_file, "END", -1)
        assert create() == -1


def test_two_mappings_see_the_same_and_another_region_does_not(fd: int) -> None:
    """Each process has its own, far from the others."""
    one, same, other = Region(fd, 1), Region(fd, 1), Region(fd, 2)
    one.view(PAGE, SIZE)[:] = b"x" * SIZE
    one.words[7] = 1 << 60
    assert same.view(PAGE, SIZE) == b"x" * SIZE
    assert same.words[7] == 1 << 60
    assert other.view(PAGE, SIZE) == bytes(SIZE)
    assert os.pread(fd, 1, SPACE + TABLE + PAGE) == b"x"


def test_a_region_is_mapped_as_long_as_anything_of_it_is_seen(fd: int) -> None:
    """Then its addresses are free again."""
    before = mapped()
    region = Region(fd, 1)
    region.view(0, 1)[0] = 7
    array = region.block(0, SIZE)
    view = bytes_of(array, SIZE)
    del region, array
    gc.collect()
    assert mapped() == before + 1
    assert view[0] == 7
    del view
    gc.collect()
    assert mapped() == before


@pytest.mark.parametrize("populates", [True, False], ids=["at once", "an older kernel"])
def test_what_is_parted_is_this_process_s_alone(
    fd: int, populates: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the same addresses, with what it was. Afterwards it is the file's again."""
    if not populates:
        monkeypatch.setattr(shared_file, "MADV_POPULATE_WRITE", 9999)
    mine, theirs = Region(fd, 1), Region(fd, 1)
    theirs.view(0, SIZE)[:] = b"a" * SIZE
    view = mine.view(0, SIZE)
    mine.part(0, SIZE)
    theirs.view(0, SIZE)[:] = b"b" * SIZE
    punch(fd, mine.offset, mine.offset + 4 * PAGE)
    assert view == b"a" * SIZE
    view[0] = 0
    assert theirs.view(0, 1)[0] == 0  # a hole
    mine.share(0, SIZE)
    theirs.view(0, SIZE)[:] = b"c" * SIZE
    assert view == b"c" * SIZE


def test_memory_is_given_back(fd: int) -> None:
    """What is punched is a hole."""
    os.pwrite(fd, bytes(8 * PAGE), 0)
    punch(fd, PAGE, 5 * PAGE)
    assert blocks(fd) == 4 * PAGE


def test_where_addresses_are_limited_nothing_is_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte of them for each other process is no small thing then."""
    assert may_map()
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 32, 1 << 32))
    assert not may_map()
