"""actors/runtime/mail/foothold.py: whether the directory of the mailboxes is still ours, and having it again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from peerage.actors.runtime.mail.foothold import UNMOUNTED, Foothold


def test_a_directory_of_somebody_else_is_not_taken(tmp_path: Path) -> None:
    """Whoever can remove ours may put another in its place, and read what is said there."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    foothold = Foothold(str(path))
    assert not foothold.is_lost()
    path.rmdir()
    assert foothold.is_lost()
    path.mkdir()
    path.chmod(0o777)
    with pytest.raises(PermissionError):
        foothold.renew()
    path.rmdir()
    path.symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        foothold.renew()
    path.unlink()
    foothold.renew()
    assert not foothold.is_lost()
    assert path.stat().st_mode & 0o777 == 0o700
    foothold.close()


def test_two_processes_may_make_it_again_at_once(tmp_path: Path) -> None:
    """The second holds what the first has made."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    one, other = Foothold(str(path)), Foothold(str(path))
    path.rmdir()
    one.renew()
    assert other.is_lost()
    other.renew()
    assert one.identity == other.identity
    for foothold in (one, other):
        foothold.close()


def test_a_directory_that_is_mounted_nowhere_cannot_be_removed() -> None:
    """Nobody but its holders has a path to it."""
    fd = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    foothold = Foothold(f"{UNMOUNTED}{fd}")
    os.close(fd)
    assert not foothold.is_lost()
    foothold.close()


def test_a_directory_that_was_removed_before_is_lost_at_the_first_look(tmp_path: Path) -> None:
    foothold = Foothold(str(tmp_path / "gone"))
    assert foothold.is_lost()


def test_one_that_is_given_up_is_lost_to_everybody_with_all_that_is_in_it(tmp_path: Path) -> None:
    """Each process puts back what it had, not what it saw missing."""
    path = tmp_path / "runtime"
    path.mkdir(mode=0o700)
    one, other = Foothold(str(path)), Foothold(str(path))
    (path / "5.0").touch()
    one.give_up()
    assert one.is_lost()
    assert other.is_lost()
    one.renew()
    other.renew()
    assert list(path.iterdir()) == []
    assert not other.is_lost()
    for foothold in (one, other):
        foothold.close()
