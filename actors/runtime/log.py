"""The log of the runtime and of everything built on it: structlog where the program has configured it, otherwise the
standard library's loggers, with the facts written out behind the event.

Unconfigured, structlog prints everything to standard output, which belongs to the program. So nothing here takes a logger
from structlog directly: `get_logger` decides at each line where it goes.

Lines can be signed, with `node=…`: for a whole process (`sign_process`, in the hosts of a node), or for one thread of a
process that several nodes share (`signed`). What is started from there inherits the signature, so that lines about a host
have its node's name too (docs/decisions/0014-logging-belongs-to-the-node.md).
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
SHOWN = 400  # characters of one value that are written out: a stranger may have chosen it, and its length
TRACES = ("exception", "traceback")  # keys whose values have many lines: they stand below the line, uncut

_process: dict[str, str] = {}
_thread: ContextVar[Mapping[str, str]] = ContextVar("peerage_log_signature")


class Log:
    """A logger that is looked up anew for each line: logging may be configured at any time, and reset.

    It is made when a module is imported, usually before the program has configured anything.
    """

    def __init__(self, name: str) -> None:
        self._library = logging.getLogger(name)
        self._by_structlog = structlog.get_logger(name)
        self._by_library = structlog.wrap_logger(
            self._library,
            processors=[structlog.stdlib.filter_by_level, _as_record],
            wrapper_class=structlog.stdlib.BoundLogger,
        )

    def bind(self, **facts: Any) -> Any:
        """A logger whose lines have these facts and are signed. It is fixed to what is configured now: use it and let go."""
        chosen = self._by_structlog if structlog.is_configured() else self._by_library
        facts = {**signature(), **facts}
        return chosen.bind(**facts) if facts else chosen

    @property
    def tells_all(self) -> bool:
        """Whether lines for debugging may be wanted: where strangers cause many, they need not be made otherwise."""
        if self._library.isEnabledFor(logging.DEBUG):
            return True
        # Of structlog we know it only where that leaves it to the library's loggers, as a node's setup does.
        return structlog.is_configured() and (
            structlog.stdlib.filter_by_level not in structlog.get_config()["processors"][:1]
        )

    def debug(self, event: str, **facts: Any) -> None:
        """As a logger's `debug`; where nobody wants such lines, at a tenth of the cost."""
        if self.tells_all:
            self.bind().debug(event, **facts)

    def __getattr__(self, name: str) -> Any:
        # `info`, `warning` and the other methods. Not private names: copy and pickle ask for those of an object that is
        # not initialised, and would recurse.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.bind(), name)


def get_logger(name: str) -> Any:
    """The logger of this name, with structlog's methods."""
    return Log(name)


def logger() -> Any:
    """The runtime's own logger."""
    return _runtime


def signature() -> Mapping[str, str]:
    """What the lines of this thread are signed with."""
    return _thread.get(_process)


def sign_process(facts: Mapping[str, str]) -> None:
    """Sign every line of this process, except for threads with a signature of their own."""
    _process.clear()
    _process.update(facts)


def sign_thread(facts: Mapping[str, str]) -> None:
    """Sign every line of the calling thread from now on."""
    _thread.set(dict(facts))


@contextmanager
def signed(facts: Mapping[str, str]) -> Iterator[None]:
    """Sign what the calling thread logs meanwhile, and everything that the hosts log that it starts meanwhile."""
    token = _thread.set({**signature(), **facts})
    try:
        yield
    finally:
        _thread.reset(token)


def _as_record(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[str], dict[str, Any]]:
    """A structlog processor, the last one. Returns: the arguments and keywords that the standard library's logger is called
    with: the line, and as an attribute of its record what the line was made of.
    """
    exc_info = event.pop("exc_info", None)
    facts = dict(event)
    text = str(event.pop("event"))
    traces = [str(event.pop(key)) for key in TRACES if event.get(key)]
    line = "".join(f" {key}={_shown(value)}" for key, value in event.items())
    return ("\n".join([f"{text}:{line}", *traces]),), {"exc_info": exc_info, "extra": {FACTS: facts}}


def _shown(value: object) -> str:
    """A value on one line: a line break in what a stranger has sent must not look like another line of the log."""
    text = str(value)[: SHOWN + 1]
    if not text.isprintable():
        text = text.encode("unicode_escape").decode()
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


_runtime = Log(NAME)
