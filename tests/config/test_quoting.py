import tomllib

from hypothesis import given
from hypothesis import strategies as st

from peerage.config.quoting import NAME_LIMIT, SHOWN_LIMIT, name_shown, quoted, shown


@given(st.text())
def test_quoted_is_toml(text: str) -> None:
    """A quoted text is a TOML string of the same text."""
    assert tomllib.loads(f"t = {quoted(text)}")["t"] == text


@given(st.recursive(st.text() | st.integers() | st.floats() | st.booleans(), st.lists, max_leaves=5))
def test_shown_is_one_printable_line(value: object) -> None:
    """Any value is shown on one line, without anything that a terminal would obey."""
    line = shown(value)
    assert line.isprintable()
    assert len(line) <= SHOWN_LIMIT + 1


def test_how_values_are_shown() -> None:
    """Strings stand in quotes, truth in TOML's words; long values are cut, even those Python will not
    print.
    """
    assert shown("a\x1b\n") == '"a\\U0000001b\\n"'
    assert shown(value=True) == "true"
    assert shown("x" * 1000).endswith("…")
    assert "digits" in shown(10**5000)


@given(st.text())
def test_a_name_is_shown_as_it_was_spelt(name: str) -> None:
    """Without quotes, on one line, and short."""
    text = name_shown(name)
    assert text.isprintable()
    assert len(text) <= NAME_LIMIT + 1


def test_ordinary_names_stay_as_they_are() -> None:
    assert name_shown("p2p.Max-Peers_2") == "p2p.Max-Peers_2"
