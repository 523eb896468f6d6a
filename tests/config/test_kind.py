import contextlib
import math
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.config.errors import UnfitValueError
from peerage.config.kind import (
    DURATION,
    NAMES,
    NAMES_ARRAY,
    REAL,
    SWITCH,
    TEXT,
    WHOLE_NUMBER,
    Kind,
    WholeNumberOrAuto,
)
from tests.config.vectors import P2P, name_of

KINDS: list[Kind[Any]] = [TEXT, NAMES, SWITCH, WHOLE_NUMBER, WholeNumberOrAuto(lambda: 3), REAL, DURATION]


@pytest.mark.parametrize("case", P2P["durations"], ids=name_of)
def test_durations_of_toml(case: dict[str, Any]) -> None:
    """Texts and bare numbers have CometBFT's result, in seconds."""
    raw = tomllib.loads(f"d = {case['toml']}")["d"]
    if "error" in case:
        with pytest.raises(UnfitValueError):
            DURATION.from_toml(raw)
    else:
        assert DURATION.from_toml(raw) == case["nanoseconds"] / 1e9
        assert DURATION.to_toml(DURATION.from_toml(raw)) == f'"{case["printed"]}"'


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (TEXT, 5, "5"),
        (TEXT, True, "1"),
        (TEXT, False, "0"),
        (TEXT, 1e21, "1000000000000000000000"),
        (TEXT, 0.5, "0.5"),
        (NAMES, " a ,, b,", ("a", "b")),
        (NAMES, 5, ("5",)),
        (SWITCH, 0, False),
        (SWITCH, 2.5, True),
        (SWITCH, "T", True),
        (SWITCH, "", False),
        (WHOLE_NUMBER, "7", 7),
        (WHOLE_NUMBER, "0x10", 16),
        (WHOLE_NUMBER, "1_000", 1000),
        (WHOLE_NUMBER, "", 0),
        (WHOLE_NUMBER, 1.9, 1),
        (WHOLE_NUMBER, -1.9, -1),
        (WHOLE_NUMBER, True, 1),
        (REAL, 1, 1.0),
        (REAL, "0.25", 0.25),
    ],
)
def test_free_conversion_from_toml(kind: Kind[Any], raw: object, value: object) -> None:
    """Values of another TOML type are converted as CometBFT's parser does."""
    assert kind.from_toml(raw) == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
@pytest.mark.parametrize("raw", [["a", "b"], {"a": 1}, math.nan, math.inf, None], ids=repr)
def test_tables_lists_and_odd_numbers_are_refused(kind: Kind[Any], raw: object) -> None:
    """No kind accepts a list, a table, nan or infinity (except that a switch accepts any number as "not zero")."""
    if kind is SWITCH and isinstance(raw, float):
        assert kind.from_toml(raw) is True
        return
    with pytest.raises(UnfitValueError) as caught:
        kind.from_toml(raw)
    assert caught.value.allowed == kind.allowed


@pytest.mark.parametrize(
    "text", ["many", "", " 7", "7 ", "1.5", "010", "1__0", "0x", "9" * 19, "9" * 5000, "\u0667"]
)
def test_texts_that_are_no_whole_number(text: str) -> None:
    """A flag accepts plain 64-bit integers only."""
    with pytest.raises(UnfitValueError):
        WHOLE_NUMBER.from_text(text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (TEXT, 5),
        (NAMES, ["a,b"]),
        (NAMES, [1]),
        (NAMES, 7),
        (SWITCH, 1),
        (WHOLE_NUMBER, True),
        (WHOLE_NUMBER, 1.0),
        (WHOLE_NUMBER, 2**63),
        (REAL, True),
        (REAL, 10**400),
        (DURATION, True),
        (DURATION, math.nan),
        (DURATION, 1e300),
        (DURATION, 10**400),
        (DURATION, None),
    ],
)
def test_python_values_of_the_wrong_type(kind: Kind[Any], value: object) -> None:
    """An embedder's values are not converted freely: they must have the kind's type or be text."""
    with pytest.raises(UnfitValueError):
        kind.from_python(value)


@pytest.mark.parametrize(
    ("kind", "given_value", "value"),
    [
        (DURATION, 1.5, 1.5),
        (DURATION, 2, 2.0),
        (DURATION, "1m", 60.0),
        (NAMES, ["a", "b"], ("a", "b")),
        (NAMES, "a,b", ("a", "b")),
        (SWITCH, "false", False),
        (WHOLE_NUMBER, "7", 7),
        (REAL, 1, 1.0),
    ],
)
def test_python_values(kind: Kind[Any], given_value: object, value: object) -> None:
    """Python's own values and texts are accepted; a number as a duration is in seconds."""
    assert kind.from_python(given_value) == value


@pytest.mark.parametrize(
    ("kind", "raw", "word"),
    [
        (DURATION, 5, "nanoseconds"),
        (DURATION, True, "nanoseconds"),
        (WHOLE_NUMBER, 1.5, "cut"),
        (WHOLE_NUMBER, "", "0"),
        (SWITCH, "", "false"),
    ],
)
def test_remarks_on_what_is_hardly_meant(kind: Kind[Any], raw: object, word: str) -> None:
    """A value that CometBFT accepts but nobody means gets a warning."""
    assert word in (kind.remark(raw) or "")


@pytest.mark.parametrize(
    ("kind", "raw"), [(DURATION, "5s"), (DURATION, 0), (WHOLE_NUMBER, 2.0), (SWITCH, 0), (TEXT, 5)]
)
def test_no_remark_on_the_rest(kind: Kind[Any], raw: object) -> None:
    """Ordinary values get none."""
    assert kind.remark(raw) is None


def test_auto_is_what_the_machine_says() -> None:
    """ "auto" stands for a number found on this machine; a number stands for itself."""
    kind = WholeNumberOrAuto(lambda: 3)
    assert (kind.from_toml("auto"), kind.from_text("auto"), kind.from_toml(0)) == (3, 3, 0)


@given(st.text())
def test_texts_survive_toml(text: str) -> None:
    """TOML gives back any string."""
    assert tomllib.loads(f"t = {TEXT.to_toml(text)}")["t"] == text


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_values_survive_toml(whole: int, real: float, on: bool) -> None:
    """What is written into config.toml is read as the same value."""
    pairs: list[tuple[Kind[Any], object]] = [(WHOLE_NUMBER, whole), (REAL, real), (SWITCH, on)]
    for kind, value in pairs:
        assert kind.from_toml(tomllib.loads(f"v = {kind.to_toml(value)}")["v"]) == value


@given(st.text(max_size=30))
def test_any_text_is_taken_or_refused(text: str) -> None:
    """The text of a flag gives a value or UnfitValueError, whatever it is."""
    for kind in KINDS:
        with contextlib.suppress(UnfitValueError):
            kind.from_text(text)


@pytest.mark.parametrize("kind", [NAMES, NAMES_ARRAY], ids=["NAMES", "NAMES_ARRAY"])
@pytest.mark.parametrize("around", [" ", "\t", "\n", "\r\n", " \r\n\t ", "\u00a0"], ids=repr)
def test_what_is_blank_around_items_never_matters(kind: Kind[Any], around: str) -> None:
    """Lists are pasted from web pages and put together by scripts."""
    text = f"{around}a{around},{around}b{around},{around}"
    assert kind.from_text(text) == kind.from_toml(text) == kind.from_python(text) == ("a", "b")
    assert kind.from_python([f"{around}a{around}", f"b{around}"]) == ("a", "b")


def test_an_array_is_a_list_too_where_cometbft_has_one() -> None:
    """It must be an array of strings and nothing else."""
    assert NAMES_ARRAY.from_toml(["a", " b ", ""]) == ("a", "b")
    assert NAMES_ARRAY.to_toml(("a", 'b"')) == '["a", "b\\""]'
    for raw in ([1], [["a"]], {"a": 1}, None, ["a,b"]):
        with pytest.raises(UnfitValueError):
            NAMES_ARRAY.from_toml(raw)


@pytest.mark.parametrize("kind", [TEXT, NAMES])
def test_a_byte_that_is_no_utf8_is_refused(kind: Kind[Any]) -> None:
    """Flags and variables may hold one; a config.toml that `init` wrote with it could not be read."""
    text = b"caf\xe9".decode("utf-8", "surrogateescape")
    for read in (kind.from_text, kind.from_python):
        with pytest.raises(UnfitValueError) as refused:
            read(text)
        assert "not UTF-8" in refused.value.reason
        assert str(refused.value).isprintable()
