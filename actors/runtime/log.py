"""The runtime's log, and that of all who are built on it: structlog where the program has set it up, else the standard
library's loggers, with the facts written out behind the event.

Unconfigured, structlog prints everything to standard output, which belongs to the program. So nobody here takes a logger
from structlog itself: `get_logger` looks at each line who is to have it.

Lines may be signed: with what a whole process belongs to (`sign_process`, a host of a node), or a thread of a process
that several share (`signed`). A host started from there belongs to the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import structlog

NAME = "peerage.runtime"
FACTS = "peerage_facts"  # attribute of a standard record: its event and keys, for a formatter that wants them apart
SHOWN = 400  # characters of one value that are written out
TRACES = ("exception", "traceback")

_process: dict[str, str] = {}
_thread: ContextVar[Mapping[str, str]] = ContextVar("peerage_log_signature")


class Log:
    """A logger that is looked up anew for each line: logging may be set up at any time, and reset."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._by_structlog = structlog.get_logger(name)
        self._by_library = structlog.wrap_logger(
            logging.getLogger(name),
            processors=[structlog.stdlib.filter_by_level, _as_record],
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def bind(self, **facts: Any) -> Any:
        """A logger of the moment whose lines have these facts, and are signed."""
        chosen = self._by_structlog if structlog.is_configured() else self._by_library
        facts = {**signature(), **facts}
        return chosen.bind(**facts) if facts else chosen

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.bind(), name)


def get_logger(name: str) -> Any:
    """The logger of this name, with structlog's methods."""
    return Log(name)


def logger() -> Any:
    """The runtime's own logger."""
    return _runtime.bind()


def is_debugging() -> bool:
    """Whether debug lines would go anywhere: they stand on hot paths."""
    return structlog.is_configured() or logging.getLogger(NAME).isEnabledFor(logging.DEBUG)


def signature() -> Mapping[str, str]:
    """What the lines of this thread are signed with."""
    return _thread.get(_process)


def sign_process(facts: Mapping[str, str]) -> None:
    """Sign every line of this process, but for threads with a signature of their own."""
    _process.clear()
    _process.update(facts)


def sign_thread(facts: Mapping[str, str]) -> None:
    """Sign every line of the calling thread from now on."""
    _thread.set(dict(facts))


@contextmanager
def signed(facts: Mapping[str, str]) -> Iterator[None]:
    """Sign what the calling thread logs meanwhile, and all that the hosts log which it starts."""
    token = _thread.set({**signature(), **facts})
    try:
        yield
    finally:
        _thread.reset(token)


def _as_record(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[str], dict[str, Any]]:
    """What the standard library's logger is called with: a line, and beside it what it was made of."""
    exc_info = event.pop("exc_info", None)
    facts = dict(event)
    text = str(event.pop("event"))
    traces = [str(event.pop(key)) for key in TRACES if event.get(key)]
    line = "".join(f" {key}={_shown(value)}" for key, value in event.items())
    return ("\n".join([f"{text}:{line}", *traces]),), {"exc_info": exc_info, "extra": {FACTS: facts}}


def _shown(value: object) -> str:
    """On one line: values may come from strangers."""
    text = str(value)[: SHOWN + 1]
    if not text.isprintable():
        text = text.encode("unicode_escape").decode()
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


_runtime = Log(NAME)
