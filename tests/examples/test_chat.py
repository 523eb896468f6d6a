"""examples/chat.py: connected nodes, and peers that do not behave."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from examples.chat import CHAT, LINES_PER_SECOND, MOST_LETTERS, MOST_LINES, Chat, GetLines, Line, Say
from peerage.testing import ReactorHarness, connected_nodes, wait_until


def encoded(text: str) -> bytes:
    return msgspec.msgpack.encode(Line(text))


def test_everybody_reads_what_one_says() -> None:
    """Three nodes; nobody hears himself."""
    with connected_nodes(3, {"CHAT": Chat}) as (anna, *others):
        anna.reactor("CHAT").ask(Say("hello"))
        for node in others:
            lines = wait_until(partial(node.reactor("CHAT").ask, GetLines()))
            assert lines == [(anna.node_id, "hello")]
        assert anna.reactor("CHAT").ask(GetLines()) == []


@pytest.mark.parametrize(
    "data", [b"", b"\xff", encoded(""), encoded("x" * (MOST_LETTERS + 1)), b"\x81\xa4text\xa1\xff"]
)
def test_what_is_no_line_ends_the_connection(data: bytes) -> None:
    """Nothing, nonsense, empty, too long, and letters that are none."""
    with ReactorHarness(Chat) as harness:
        peer = harness.connect()
        peer.send(CHAT, data)
        assert "no line of a chat" in peer.expect_stopped()


def test_a_flood_is_read_in_part_and_remembered_in_part(capfd: pytest.CaptureFixture[str]) -> None:
    """A peer says a thousand lines at once, with one that would clear the screen."""
    with ReactorHarness(Chat) as harness:
        peer = harness.connect()
        peer.send(CHAT, encoded("\x1b[2J"), *(encoded(str(number)) for number in range(1000)))
        peer.wait_until_handled()
        lines = harness.ask(GetLines())
    assert LINES_PER_SECOND <= len(lines) <= MOST_LINES
    assert "\x1b" not in capfd.readouterr().out


@pytest.mark.parametrize("text", ["", "x" * (MOST_LETTERS + 1)])
def test_our_own_line_must_fit_too(text: str) -> None:
    """Whoever asks is told."""
    with ReactorHarness(Chat) as harness, pytest.raises(ValueError, match="a line has 1 to 500 letters"):
        harness.ask(Say(text))
