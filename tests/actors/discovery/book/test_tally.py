"""What was left out: counted by reason, with a few examples."""

from __future__ import annotations

from peerage.actors.discovery.book.tally import EXAMPLE_CHARS, EXAMPLES, LeftOut, Tally


def filled() -> Tally:
    """Five of one reason, one of another."""
    tally = Tally()
    for number in range(5):
        tally.add("private", f"p{number}")
    tally.add("no room", "n")
    return tally


def test_all_are_counted_and_the_first_are_named() -> None:
    """What is not taken is never just gone."""
    tally = filled()
    assert tally.counts() == {"private": 5, "no room": 1}
    assert tally.by_reason()["private"] == LeftOut(5, ("p0", "p1", "p2"))
    assert str(tally) == "1 no room, 5 private"
    assert list(tally.lines()) == ["1 no room: n", "5 private: p0, p1, p2 and 2 more"]
    assert str(Tally()) == ""


def test_what_another_counted_is_added_with_its_examples() -> None:
    """No more of them than of its own."""
    tally = filled()
    tally.add_all("no room", LeftOut(10, ("a", "b", "c")))
    tally.add_all("banned", LeftOut(1, ("d",)))
    assert tally.by_reason()["no room"] == LeftOut(11, ("n", "a", "b"))
    assert len(tally.by_reason()["no room"].examples) == EXAMPLES
    assert tally.by_reason()["banned"] == LeftOut(1, ("d",))


def test_an_example_is_short_and_printable() -> None:
    """What is left out comes from a file or a remote, and is shown to an operator."""
    tally = Tally()
    tally.add("invalid", "\x1b[2J" + "x" * 10_000)
    (example,) = tally.by_reason()["invalid"].examples
    assert example.isprintable()
    assert len(example) < 2 * EXAMPLE_CHARS
