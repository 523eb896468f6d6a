"""A terminal for a command alone: keys, a screen, and all as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from rich.console import Console
from rich.segment import Segment

from peerage.commands.terminal import Terminal, keys_in

PATIENCE_S = 10.0
MARK = b"\x1b[0n"  # no program writes that: a terminal answers it
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
SHOW_CURSOR = "\x1b[?25h"


class Tty:
    """A pseudo-terminal: what the command writes is read here, what is typed here it reads."""

    def __init__(self) -> None:
        self._master, self.keyboard = pty.openpty()
        fcntl.ioctl(self.keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._file = os.fdopen(os.dup(self.keyboard), "w")
        self.console = Console(file=self._file, force_terminal=True, width=80, height=24)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def written(self) -> str:
        """All so far. The kernel brings it to this side in its own time, and in order: a mark is behind all of it."""
        self._file.flush()
        os.write(self.keyboard, MARK)
        data = b""
        while not data.endswith(MARK):
            assert select.select([self._master], [], [], PATIENCE_S)[0], data
            data += os.read(self._master, 65536)
        return data.removesuffix(MARK).decode()

    @property
    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self.keyboard)

    def hang_up(self) -> None:
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        with suppress(OSError):
            self._file.close()
        for fd in (self.keyboard, self._master):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def tty() -> Iterator[Tty]:
    made = Tty()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("qé ", ["q", "é", " "]),
        ("\x1b[A\x1bOB\x1b[5~\x1b[6~x", ["up", "down", "pageup", "pagedown", "x"]),
        ("\x1b", ["esc"]),
        ("\x1b\x1b", ["esc", "esc"]),
        ("\r\n\t\x7f\x1b[Z", ["enter", "enter", "tab", "backspace", "tab"]),
        ("\x1b[200~\x00\x01\x1b[1;5D", []),
        ("\x1b[", []),
    ],
)
def test_keys_have_names(text: str, keys: list[str]) -> None:
    """What is not known is no key."""
    assert list(keys_in(text)) == keys


def test_the_terminal_is_left_as_it_was(tty: Tty) -> None:
    """Its screen, its cursor, its modes, and the signals."""
    before, handlers = (
        tty.attributes,
        [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGWINCH)],
    )
    with Terminal(tty.console, tty.keyboard) as terminal:
        assert ENTER in tty.written()
        assert tty.attributes != before
        assert terminal.size == (80, 24)
        terminal.draw([Segment("one"), Segment.line(), Segment("two")])
        assert tty.written() == "\x1b[Hone\x1b[0K\r\ntwo\x1b[0K\x1b[0J"
    left = tty.written()
    assert LEAVE in left
    assert SHOW_CURSOR in left
    assert tty.attributes == before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGWINCH)] == handlers


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name
)
def test_it_is_left_as_it_was_when_a_signal_ends_the_command(tty: Tty, number: signal.Signals) -> None:
    """As an exception, which the command may look at."""
    before = tty.attributes

    def command() -> None:
        with Terminal(tty.console, tty.keyboard) as terminal:
            os.kill(os.getpid(), number)
            terminal.wait(PATIENCE_S)

    with pytest.raises((SystemExit, KeyboardInterrupt)):
        command()
    assert tty.attributes == before
    assert LEAVE in tty.written()


def test_keys_are_heard_as_they_are_typed(tty: Tty) -> None:
    """Without Enter."""
    with Terminal(tty.console, tty.keyboard) as terminal:
        assert terminal.wait(0.0) == []
        tty.type("a\x1b[B")
        assert terminal.wait(PATIENCE_S) == ["a", "down"]


def test_another_thread_and_a_new_size_wake_it(tty: Tty) -> None:
    """There is something to draw."""
    with Terminal(tty.console, tty.keyboard) as terminal:
        thread = threading.Thread(target=terminal.wake)
        thread.start()
        assert terminal.wait(PATIENCE_S) == []
        thread.join()
        os.kill(os.getpid(), signal.SIGWINCH)
        assert terminal.wait(PATIENCE_S) == []


def test_a_terminal_that_is_gone_is_the_end(tty: Tty) -> None:
    """The window was closed, say."""
    with Terminal(tty.console, tty.keyboard) as terminal:
        tty.hang_up()
        with pytest.raises(EOFError):
            terminal.wait(PATIENCE_S)
