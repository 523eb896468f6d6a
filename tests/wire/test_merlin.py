"""Merlin transcripts against the published vector and CometBFT's implementation."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.merlin import FixedTranscript, Transcript
from peerage.wire.strobe import RATE
from tests.wire.vectors import load, octets

TRANSCRIPTS = load("merlin")["transcripts"]


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda t: t["name"])
def test_every_challenge_agrees_with_the_vectors(transcript: dict[str, Any]) -> None:
    """For messages around and beyond the rate, and challenges of any length, repeated and fed back."""
    running = Transcript(octets(transcript["label"]))
    for operation in transcript["operations"]:
        if "append" in operation:
            running.append(octets(operation["append"]), octets(operation["message"]))
        else:
            expected = octets(operation["bytes"])
            assert running.challenge(octets(operation["challenge"]), len(expected)) == expected


@settings(max_examples=20)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_challenges_are_equal_exactly_when_the_messages_are(a: bytes, b: bytes) -> None:
    """So the transcript binds everything that was said."""

    def challenge(message: bytes) -> bytes:
        transcript = Transcript(b"test")
        transcript.append(b"message", message)
        return transcript.challenge(b"challenge", 32)

    assert (challenge(a) == challenge(b)) == (a == b)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.integers(1, RATE), st.randoms())
def test_a_fixed_transcript_gives_the_same_challenge(sizes: list[int], length: int, random: Random) -> None:
    """Wherever the ends of blocks cut its messages."""
    messages = [(b"message %d" % number, size) for number, size in enumerate(sizes)]
    fixed = FixedTranscript(b"test", messages, b"challenge", length)
    for _ in range(2):
        contents = [random.randbytes(size) for size in sizes]
        transcript = Transcript(b"test")
        for (label, _size), content in zip(messages, contents, strict=True):
            transcript.append(label, content)
        assert fixed.challenge(*contents) == transcript.challenge(b"challenge", length)
