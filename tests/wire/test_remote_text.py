"""What people are shown of a remote's text."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.remote_text import MAX_SHOWN, QUOTED, cut, quoted, shown

ANY_TEXT = st.text(st.characters(), max_size=300) | st.binary(max_size=300).map(
    lambda raw: raw.decode("utf-8", "surrogateescape")
)


@given(ANY_TEXT | st.binary(max_size=300), st.integers(1, 250))
def test_quoted_is_bounded_printable_and_a_beginning(value: str | bytes, limit: int) -> None:
    """It is never longer than asked for, and Python reads it back as the beginning of the value."""
    text = quoted(value, limit)
    assert text.isprintable()
    literal, ellipsis_, rest = text.partition("…")
    if not rest.endswith("characters)") and not rest.endswith("bytes)"):
        assert text == repr(value)
        return
    assert len(literal) + len(ellipsis_) <= limit + 3
    back = ast.literal_eval(literal + rest[0])
    assert value.startswith(back)
    assert len(back) < len(value)


def test_what_fits_is_quoted_as_python_does() -> None:
    """So nothing changes for honest texts."""
    for value in ("", "cosmoshub-4", "Grüße", "it's", b"", b"\x00\xff", "x" * QUOTED):
        assert quoted(value) == repr(value)


def test_what_does_not_fit_says_how_long_it_is() -> None:
    """So that nobody takes the beginning for the whole."""
    assert quoted("a" * 10_000, 5) == "'aaaaa…' (10000 characters)"
    assert quoted(b"\xff" * 9, 8) == "b'\\xff\\xff…' (9 bytes)"


@given(ANY_TEXT)
def test_shown_is_one_short_printable_line(text: str) -> None:
    """Whatever was received."""
    line = shown(text)
    assert len(line) <= MAX_SHOWN
    assert line.isprintable()
    assert line == text or len(text) > MAX_SHOWN or not text.isprintable()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Grüße", "Grüße"),
        ("a\nb\x1b[2J", "a\\nb\\x1b[2J"),
        ("\udcff", "\\udcff"),
        ("\u202etxt", "\\u202etxt"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, line: str) -> None:
    """New lines, escape sequences, bytes that are not UTF-8, and marks that change the direction of a line."""
    assert shown(text) == line


def test_three_dots_stand_for_the_rest() -> None:
    """The result is exactly as long as allowed."""
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
