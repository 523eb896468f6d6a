"""actors/rpc/go_json.py: what Go reads is read, what it forgives is forgiven."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.rpc import go_json
from peerage.actors.rpc.go_json import MAX_DEPTH, Object, decode, decode_first, text_of

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)
TOKENS = st.lists(
    st.sampled_from(
        ["[", "]", "{", "}", ",", ":", '"a"', '"', "1", "-", "0.5e+3", "null", "tru", " ", "\n", "\\", "x"]
    ),
    max_size=14,
).map("".join)


def plain(value: Any) -> Any:
    """With dictionaries for objects."""
    if isinstance(value, Object):
        return {name: plain(each) for name, each in value}
    return [plain(each) for each in value] if isinstance(value, list) else value


@given(JSON, st.booleans())
@settings(max_examples=40)
def test_json_is_read_as_by_python(value: Any, ascii_only: bool) -> None:
    """Where both agree."""
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert plain(decode(text.encode())) == value


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'"\xff\xfe"', "\ufffd\ufffd"),
        (b'"\xe2\x82"', "\ufffd\ufffd"),
        (b'"a\xed\xa0\x80"', "a\ufffd\ufffd\ufffd"),
    ],
)
def test_each_byte_that_is_no_utf8_is_replaced(data: bytes, text: str) -> None:
    """Not one mark for a beginning of two bytes, as Python has it."""
    assert decode(data) == text


def test_halves_of_pairs_are_replaced_and_pairs_are_not() -> None:
    """By `text_of`, where a string is wanted."""
    assert text_of(decode(rb'"\ud800\ud83d\ude00\udc00"')) == "\ufffd😀\ufffd"


def test_numbers_of_any_length_are_read() -> None:
    """Out of range they are infinite; it is for those who want one to refuse it."""
    assert decode(b"9" * 400) == math.inf
    assert decode(b"-" + b"9" * 5000) == -math.inf
    assert decode(b"1e-400") == 0.0


@pytest.mark.parametrize(
    "data", [b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b"1.", b"0x1", b"'a'", b"[1,]", b""]
)
def test_what_go_does_not_read_is_refused(data: bytes) -> None:
    """Python reads the first three."""
    with pytest.raises(ValueError):
        decode(data)


def test_members_of_one_name_are_all_told() -> None:
    """In their order: which one counts is for the reader to say."""
    assert decode(b'{"a":1,"b":2,"a":null}') == (("a", 1.0), ("b", 2.0), ("a", None))


def test_nesting_is_read_as_deep_as_go_does() -> None:
    """Python gives up earlier; what is too deep for any parameter is left out."""
    deep = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert dict(decode(b'{"a":' + deep + b',"b":[' + deep[1:-1] + b',"c"]}'))["b"][1] == "c"
    with pytest.raises(ValueError, match="depth"):
        decode(b"[" + b"[" + deep + b"]" + b"]")
    with pytest.raises(ValueError, match="depth"):
        decode(b"[" * 1_000_000)


@pytest.mark.parametrize("depth", [65, 999, 11_000])
def test_every_python_gives_up_at_the_same_depth(depth: int) -> None:
    """Its own decoder does so at 1,000, or where the stack ends; a parameter must not look different for that."""
    nested = b"[" * (depth - 1) + b"]" * (depth - 1)
    if depth > MAX_DEPTH:
        with pytest.raises(ValueError, match="depth"):
            decode(b'{"a":%b,"b":1}' % nested)
    else:
        value = dict(decode(b'{"a":%b,"b":1}' % nested))
        for _ in range(go_json._KEPT_DEPTH - 2):
            (value["a"],) = value["a"]
        assert (value["a"], value["b"]) == ([None], 1.0)


def test_brackets_in_strings_and_side_by_side_are_no_depth() -> None:
    """Strings may hold quotes and backslashes."""
    text = r'[["[[\"[\\"],' + "[{}]," * 100 + '"' + "[" * 100 + '"]'
    assert not go_json._is_deep(text)
    assert decode(text.encode()) == go_json._decoder.decode(text)


@pytest.mark.parametrize("deep", [1, 100])
def test_the_first_value_is_read_whatever_follows_it(deep: int) -> None:
    """As Go's decoder does, which reads one value after the other."""
    first = b"[" * deep + b"]" * deep
    assert decode_first(b" " + first + b"]{{{" + b"[" * 100) == decode(first)
    assert decode_first(b'"one" ' + b"[" * 100) == "one"


@given(TOKENS)
@settings(max_examples=300)
def test_what_is_left_out_for_its_depth_is_json_too(text: str) -> None:
    """Both ways to read take the same texts."""
    try:
        go_json._decoder.decode(text)
    except ValueError:
        with pytest.raises(ValueError):
            go_json._flatten(text)
    else:
        assert go_json._flatten(text) == text
