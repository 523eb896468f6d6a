"""The log of the runtime and of everything built on it: structlog where the program has configured it, otherwise the
standard library's loggers, with the facts written out behind the event.

Unconfigured, structlog prints everything to standard output, which belongs to the program. So nothing here takes a logger
from structlog directly: `get_logger` decides at each line where it goes. Nor is structlog imported here: who has not
imported it has not configured it, and it brings rich along, which takes as long as all of the runtime.

Lines can be signed, with `node=…`: for a whole process (`sign_process`, in the hosts of a node), or for one thread of a
process that several nodes share (`signed`). What is started from there inherits the signature, so that lines about a host
have its node's name too (docs/decisions/0014-logging-belongs-to-the-node.md).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

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

    def bind(self, **facts: Any) -> Any:
        """A logger whose lines have these facts and are signed. It is fixed to what is configured now: use it and let go."""
        facts = {**signature(), **facts}
        structlog = _configured_structlog()
        if structlog is None:
            return LibraryLog(self._library, facts)
        return structlog.get_logger(self._library.name).bind(**facts)

    @property
    def tells_all(self) -> bool:
        """Whether lines for debugging may be wanted: where strangers cause many, they need not be made otherwise."""
        if self._library.isEnabledFor(logging.DEBUG):
            return True
        # Of structlog we know it only where that leaves it to the library's loggers, as a node's setup does.
        structlog = _configured_structlog()
        return structlog is not None and (
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


class LibraryLog:
    """A logger of the standard library that takes events and facts, as structlog's do: each becomes a record whose line has
    the facts written out, and that has them as an attribute, too.
    """

    def __init__(self, library: logging.Logger, facts: Mapping[str, Any]) -> None:
        self._library, self._facts = library, facts

    def bind(self, **facts: Any) -> LibraryLog:
        """One whose lines have these facts as well."""
        return LibraryLog(self._library, {**self._facts, **facts})

    def debug(self, event: str, **facts: Any) -> None:
        """Args: exc_info, an exception, or True for the one that is handled. So for all levels."""
        self._say(logging.DEBUG, event, facts)

    def info(self, event: str, **facts: Any) -> None:
        """As `debug`."""
        self._say(logging.INFO, event, facts)

    def warning(self, event: str, **facts: Any) -> None:
        """As `debug`."""
        self._say(logging.WARNING, event, facts)

    def error(self, event: str, **facts: Any) -> None:
        """As `debug`."""
        self._say(logging.ERROR, event, facts)

    def exception(self, event: str, **facts: Any) -> None:
        """An error, with the exception that is handled."""
        self._say(logging.ERROR, event, {"exc_info": True, **facts})

    def _say(self, level: int, event: str, facts: Mapping[str, Any]) -> None:
        if not self._library.isEnabledFor(level):
            return
        facts = {**self._facts, **facts}
        exc_info = facts.pop("exc_info", None)
        traces = [str(facts[key]) for key in TRACES if facts.get(key)]
        shown = "".join(f" {key}={_shown(value)}" for key, value in facts.items() if key not in TRACES)
        line = "\n".join([f"{event}:{shown}", *traces])
        extra = {FACTS: {"event": event, **facts}}
        self._library.log(level, line, exc_info=exc_info, extra=extra, stacklevel=3)


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


def _configured_structlog() -> Any:
    """structlog, if the program has configured it. It may be half imported, by another thread."""
    structlog: Any = sys.modules.get("structlog")
    is_configured = getattr(structlog, "is_configured", bool)
    return structlog if is_configured() else None


def _shown(value: object) -> str:
    """A value on one line: a line break in what a stranger has sent must not look like another line of the log."""
    text = str(value)[: SHOWN + 1]
    if not text.isprintable():
        text = text.encode("unicode_escape").decode()
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


_runtime = Log(NAME)
