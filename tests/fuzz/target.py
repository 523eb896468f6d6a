"""What is fuzzed: a reader of bytes from outside, and what must hold for any bytes that it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from peerage.wire import accelerator, loops

__all__ = ["FORMS", "MOST_TEXT", "Target", "cut", "form", "told"]

MOST_TEXT = 1000  # characters of an error's text: no input makes it long

# The two forms of the loops over frames and packets; one of them twice where the extension was not built.
FORMS = (loops, accelerator.compiled or loops)


@dataclass(frozen=True, slots=True)
class Target:
    """One reader.

    Args:
        corpus: inputs to begin with, from the vectors: what real nodes say, and what is known to be odd.
        check: raises when anything does not hold for these bytes. An error that the reader documents is no such thing.
        longest: bytes of an input; of what is longer in the corpus, so many are taken.
        inputs: how many a session in the test suite checks: a few seconds' worth.
        kept: so many of these at least cover something new; with fewer it is not coverage that leads the session.
    """

    corpus: Callable[[], Iterable[bytes]]
    check: Callable[[bytes], None]
    longest: int = 4096
    inputs: int = 5000
    kept: int = 20


def cut(data: bytes, size: int) -> list[bytes]:
    """The bytes in pieces of this size, as a socket may give them; 0: in one piece."""
    return [data[at : at + size] for at in range(0, len(data), size)] if size else [data]


def told(error: Exception) -> None:
    """Check an error that its reader may raise: its text is for a log, on one line and short, whatever the input was."""
    text = str(error)
    assert text.isprintable(), f"{type(error).__name__} is not printable: {text!r}"
    assert 0 < len(text) <= MOST_TEXT, f"{type(error).__name__} has a text of {len(text)} characters"


@contextmanager
def form(chosen: object) -> Iterator[None]:
    """Use one form of the loops."""
    accelerator.use(chosen)
    try:
        yield
    finally:
        accelerator.use(accelerator.compiled or loops)
