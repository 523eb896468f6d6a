"""An answer about a name is used for as long as nothing has changed, and never longer."""

from __future__ import annotations

from pathlib import Path

from peerage.actors.runtime.mail import name_numbers
from peerage.actors.runtime.mail.name_numbers import GONE, NameNumbers, RememberedNames, cell_of


def test_an_answer_is_known_until_the_next_change(tmp_path: Path) -> None:
    """The process that asks needs no message to see that it has changed."""
    numbers, names = NameNumbers(str(tmp_path)), RememberedNames(str(tmp_path))
    numbers.changed("=n")
    names.keep("=n", names.number("=n"), "answer")
    assert names.get("=n") == (True, "answer")
    numbers.changed("=n")
    assert not names.get("=n")[0]


def test_an_answer_from_before_a_change_is_not_used(tmp_path: Path) -> None:
    """The number is read before the root is asked; a change in between makes the answer old at once."""
    numbers, names = NameNumbers(str(tmp_path)), RememberedNames(str(tmp_path))
    numbers.changed("=n")
    number = names.number("=n")
    numbers.changed("=n")
    names.keep("=n", number, "answer")
    assert not names.get("=n")[0]


def test_a_change_of_another_name_is_none_of_this_one(tmp_path: Path) -> None:
    """Unless both share a cell, which only costs a question."""
    numbers, names = NameNumbers(str(tmp_path)), RememberedNames(str(tmp_path))
    numbers.changed("=n")
    names.keep("=n", names.number("=n"), "answer")
    assert cell_of("=n") != cell_of("+n")
    numbers.changed("+n")
    assert names.get("=n")[0]


def test_nothing_is_remembered_before_the_first_change(tmp_path: Path) -> None:
    """There is no file then, so that a system without names pays nothing for them."""
    names = RememberedNames(str(tmp_path))
    assert names.number("=n") == GONE
    names.keep("=n", GONE, None)
    assert not names.get("=n")[0]
    assert list(tmp_path.iterdir()) == []


def test_what_is_remembered_has_a_bound(tmp_path: Path) -> None:
    """A program may look up any number of names."""
    numbers, names = NameNumbers(str(tmp_path)), RememberedNames(str(tmp_path))
    numbers.changed("=0")
    for number in range(name_numbers.REMEMBERED + 1):
        names.keep(f"={number}", names.number(f"={number}"), number)
    assert not names.get("=0")[0]
    last = f"={name_numbers.REMEMBERED}"
    assert names.get(last) == (True, name_numbers.REMEMBERED)


def test_a_directory_that_was_made_again_changes_nothing(tmp_path: Path) -> None:
    """Who has the file goes on with it; who has not, remembers nothing and asks."""
    numbers, names = NameNumbers(str(tmp_path)), RememberedNames(str(tmp_path))
    numbers.changed("=n")
    names.keep("=n", names.number("=n"), "answer")
    (tmp_path / name_numbers.FILE).unlink()
    assert names.get("=n")[0]
    numbers.changed("=n")
    assert not names.get("=n")[0]
    assert RememberedNames(str(tmp_path)).number("=n") == GONE
