"""A terminal that a command has for itself: keys as they are pressed, a screen of its own, and all as it was afterwards.

rich draws; what it has not is the keyboard.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Self

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType, Segment, Segments

__all__ = ["Terminal", "keys_in"]

_NAMED = {
    "\t": "tab",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x1b": "esc",
}
_SEQUENCES = {
    "[A": "up", "[B": "down", "[C": "right", "[D": "left", "OA": "up", "OB": "down", "OC": "right", "OD": "left",
    "[5~": "pageup", "[6~": "pagedown", "[H": "home", "[1~": "home", "OH": "home", "[Z": "tab",
}  # fmt: skip
_ENDS = (signal.SIGTERM, signal.SIGHUP)
_AWAKE = b"\0"


def keys_in(text: str) -> Iterator[str]:
    """The keys in what a terminal has sent: characters, and names of those that have none. What is not known is left out."""
    at = 0
    while at < len(text):
        if text[at] == "\x1b" and text[at + 1 : at + 2] in {"[", "O"}:
            end = at + 2
            while end < len(text) and not "@" <= text[end] <= "~":
                end += 1
            if name := _SEQUENCES.get(text[at + 1 : end + 1]):
                yield name
            at = end + 1
            continue
        one = text[at]
        at += 1
        if one in _NAMED:
            yield _NAMED[one]
        elif one.isprintable():
            yield one


class Terminal:
    """Use it as a context manager: whatever ends the block, the terminal is as it was.

    SIGTERM and SIGHUP raise SystemExit in it, so that this holds for them as well; Ctrl-Z gives the screen back for as long
    as the command is stopped.

    Args: console, that writes to the terminal; keyboard, the descriptor of what is typed.
    """

    def __init__(self, console: Console, keyboard: int | None = None) -> None:
        self._console = console
        self._keyboard = sys.stdin.fileno() if keyboard is None else keyboard
        self._wake_read, self._wake_write = -1, -1
        self._stack = ExitStack()
        self._is_stopping = False

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            undo.callback(os.close, self._wake_read)
            undo.callback(os.close, self._wake_write)
            for number in _ENDS:
                undo.callback(signal.signal, number, signal.signal(number, _end))
            undo.callback(signal.signal, signal.SIGTSTP, signal.signal(signal.SIGTSTP, self._on_stop))
            undo.callback(signal.signal, signal.SIGWINCH, signal.signal(signal.SIGWINCH, self._on_resize))
            undo.enter_context(self._own_screen())
            self._stack = undo.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @contextmanager
    def _own_screen(self) -> Iterator[None]:
        before = termios.tcgetattr(self._keyboard)
        try:
            tty.setcbreak(self._keyboard)  # keys at once and unseen; Ctrl-C stays what it is
            self._console.set_alt_screen(True)
            self._console.show_cursor(False)
            yield
        finally:
            with suppress(OSError, termios.error):  # the terminal is gone
                self._console.show_cursor(True)
                self._console.set_alt_screen(False)
            with suppress(termios.error):
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, before)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines now."""
        return self._console.size

    def draw(self, screen: Sequence[Segment]) -> None:
        """Replace what is on the screen, without a flicker: line by line, each cleared behind its end."""
        clear_line = Control((ControlType.ERASE_IN_LINE, 0)).segment
        below = Segment("\x1b[0J", None, [(ControlType.CLEAR,)])
        drawn = [Control.home().segment]
        for segment in screen:
            if segment.text == "\n":
                drawn.append(clear_line)
            drawn.append(segment)
        self._console.print(Segments([*drawn, clear_line, below]), end="", soft_wrap=True)

    def wake(self) -> None:
        """From any thread: let `wait` return."""
        with suppress(BlockingIOError, OSError):
            os.write(self._wake_write, _AWAKE)

    def wait(self, seconds: float) -> list[str]:
        """Wait for keys, for `wake`, or so long. Returns: the keys. Raises: EOFError, the terminal is gone."""
        if self._is_stopping:
            self._stop()
        ready, _, _ = select.select([self._keyboard, self._wake_read], [], [], max(0.0, seconds))
        if self._wake_read in ready:
            with suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        if self._keyboard not in ready:
            return []
        try:
            data = os.read(self._keyboard, 1024)
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        return list(keys_in(data.decode(errors="ignore")))

    def _on_resize(self, _number: int, _frame: FrameType | None) -> None:
        self.wake()

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True
        self.wake()

    def _stop(self) -> None:
        """Ctrl-Z: be stopped with the terminal as it was, and begin anew when it goes on."""
        self._is_stopping = False
        self._stack.close()
        os.kill(os.getpid(), signal.SIGSTOP)
        self.__enter__()


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
