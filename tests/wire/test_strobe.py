"""STROBE's own behaviour; its agreement with others is checked through Merlin's vectors."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.strobe import RATE, Strobe128


@settings(max_examples=20)
@given(st.binary(min_size=1, max_size=2 * RATE), st.data())
def test_a_meta_operation_continued_equals_one_given_whole(data: bytes, draw: st.DataObject) -> None:
    """The flag `more` adds no framing of its own, wherever the data is cut."""
    cut = draw.draw(st.integers(0, len(data)))
    whole, parts = Strobe128(b"test"), Strobe128(b"test")
    whole.meta_ad(data)
    parts.meta_ad(data[:cut])
    parts.meta_ad(data[cut:], more=True)
    assert whole.prf(32) == parts.prf(32)


def test_the_kind_of_operation_is_part_of_the_state() -> None:
    """The same bytes give different states as framing and as data."""
    meta, data = Strobe128(b"test"), Strobe128(b"test")
    meta.meta_ad(b"x")
    data.ad(b"x")
    assert meta.prf(16) != data.prf(16)
