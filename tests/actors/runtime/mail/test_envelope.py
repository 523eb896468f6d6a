"""The layout of what travels between ports."""

from __future__ import annotations

from peerage.actors.runtime.mail import envelope
from peerage.actors.runtime.mail.envelope import HEADER, KEY_BYTES, Kind, new_key


def test_the_header_has_no_gaps() -> None:
    """One byte each for kind and flags, then the numbers as the layout says."""
    assert HEADER.size == KEY_BYTES + 1 + 1 + 4 + 8 + 8 + 2 + 2
    packed = HEADER.pack(b"sixteen bytes...", 1, 2, 3, 4, 5, 6, 7)
    assert packed[:KEY_BYTES] == b"sixteen bytes..."
    assert packed[KEY_BYTES:].hex() == "0102030000000400000000000000050000000000000006000700"


def test_each_kind_has_its_number() -> None:
    """It stands in one byte, and is an index of each port's handlers."""
    numbers = [int(kind) for kind in Kind]
    assert numbers == list(range(1, len(numbers) + 1))


def test_each_flag_has_its_bit() -> None:
    """They are combined in one byte."""
    flags = (
        *(envelope.FRAMES, envelope.LARGE_FRAMES, envelope.BODY_APART, envelope.EXEMPT),
        *(envelope.BATCH, envelope.JOINED, envelope.BUNDLE),
    )
    assert sorted(flags) == [1 << bit for bit in range(len(flags))]


def test_no_two_systems_have_the_same_key() -> None:
    """Nobody can guess it."""
    assert len({new_key() for _ in range(100)}) == 100
    assert len(new_key()) == KEY_BYTES
