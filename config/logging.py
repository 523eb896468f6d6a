"""Logging for every process of a node: structlog on top of the standard library, to standard error, plain or JSON.

Use `structlog.stdlib.get_logger("peerage.switch")`; what follows `peerage.` is the module's name in log_level. Records of
other libraries (uvicorn, asyncio) are written the same way.
"""

import logging
import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from peerage.config.log_bounds import TRACES, bounded
from peerage.config.log_level import EVERY_MODULE, parse_log_level
from peerage.config.log_settings import LogSettings
from peerage.config.log_tail import remember
from peerage.config.private_lines import hiding

__all__ = [
    "RECORD_FACTS",
    "ROOT",
    "LogSettings",
    "StderrHandler",
    "formatter",
    "is_ours",
    "level_of",
    "set_levels",
    "set_up_logging",
]

ROOT = "peerage"
WHOLE_P2P = "p2p"  # CometBFT's module of this name corresponds to all of peerage
STDERR = 2
RECORD_FACTS = "peerage_facts"  # the attribute in which actors/runtime/log.py stores an event and its keys


class StderrHandler(logging.Handler):
    """Writes each record in a single system call, so that the lines of several processes do not mix.

    It writes to the file descriptor and so does not touch what an embedder puts in place of sys.stderr. It never raises,
    and keeps silent when nobody reads any more or the disk is full: a log must not bring down what it reports on. When
    there is room again, the next record begins on a new line.
    """

    _is_cut = False  # whether the last line was written only in part

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            # strings from the network may hold bytes that are not UTF-8, as lone surrogates
            line = ("\n" * self._is_cut + self.format(record) + "\n").encode("utf-8", "backslashreplace")
            left = line
            while left:
                left = left[os.write(STDERR, left) :]
                self._is_cut = 0 < len(left) < len(line)
        except OSError:
            return
        except Exception:
            self.handleError(record)


def set_up_logging(settings: LogSettings, facts: Mapping[str, str] = MappingProxyType({})) -> None:
    """Set up logging in this process; a second call replaces the first.

    Args: facts, keys and values that every line gets.
    Raises: ValueError for an unknown level.
    """
    levels = parse_log_level(settings.level)
    handler = StderrHandler()
    handler.setFormatter(formatter(settings, facts))
    set_levels(levels)
    root = logging.getLogger()
    for old in [each for each in root.handlers if isinstance(each, StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(facts),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def is_ours() -> bool:
    """Whether `set_up_logging` has set up the log of this process."""
    return any(isinstance(each, StderrHandler) for each in logging.getLogger().handlers)


def formatter(
    settings: LogSettings, facts: Mapping[str, str] = MappingProxyType({})
) -> structlog.stdlib.ProcessorFormatter:
    """Formats records, structlog's and the standard library's alike. Args: as for `set_up_logging`."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_apart, *_shared(facts)], processors=_rendering(settings.format)
    )


def _shared(facts: Mapping[str, str]) -> list[Processor]:
    """The processors that every record passes, whether structlog or the standard library made it."""

    def signed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**facts, **event}

    return [
        structlog.contextvars.merge_contextvars,
        signed,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        _add_extra,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


_EXTRA = structlog.stdlib.ExtraAdder()


def _add_extra(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """What the caller gave beside the message, but not what begins with an underscore: Ray, once imported, gives every
    record of every logger such an attribute (findings/ray-import-adds-to-every-log-line.sh).
    """
    before = frozenset(event)
    added = _EXTRA(logger, method, event)
    return {key: value for key, value in added.items() if key in before or not key.startswith("_")}


def _apart(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Restore event and keys of a record that was made before structlog was set up, and holds them in one attribute."""
    record: logging.LogRecord | None = event.get("_record")
    facts = record.__dict__.pop(RECORD_FACTS, None) if record is not None else None
    return event if facts is None else {**event, **facts}


def set_levels(levels: Mapping[str, int]) -> None:
    """Log at these levels from now on, in this process. Args: levels, from `parse_log_level`."""
    # loggers whose level an earlier call set go back to following their parent
    for name in list(logging.Logger.manager.loggerDict):
        if name == ROOT or name.startswith(f"{ROOT}."):
            logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger().setLevel(levels[EVERY_MODULE])
    for module, level in levels.items():
        if module != EVERY_MODULE:
            name = ROOT if module == WHOLE_P2P else f"{ROOT}.{module}"
            logging.getLogger(name).setLevel(level)


def level_of(levels: Mapping[str, int], logger: str) -> int:
    """The level that applies to a logger's name. Args: levels, from `parse_log_level`."""
    module = logger.removeprefix(f"{ROOT}.")
    while module:
        if module in levels:
            return levels[module]
        module = module.rpartition(".")[0]
    return levels.get(WHOLE_P2P, levels[EVERY_MODULE])


def _rendering(form: str) -> list[Processor]:
    """The processors that turn a record into a line, plain or JSON."""
    first: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        hiding,  # before an ID may be cut
        bounded,
        hiding,  # in the exception that was rendered
        remember,
    ]
    if form == "json":
        return [*first, structlog.processors.JSONRenderer(default=_to_json)]
    colours = sys.stderr is not None and sys.stderr.isatty() and "NO_COLOR" not in os.environ
    console = structlog.dev.ConsoleRenderer(
        colors=colours,
        pad_event_to=0,
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [*first, _printable, _traces_below, console]


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters, which a terminal would obey: monikers, reasons and names come from strangers."""
    return {
        key: value.encode("unicode_escape").decode()
        if isinstance(value, str) and key not in TRACES and not value.isprintable()
        else value
        for key, value in event.items()
    }


def _traces_below(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put all tracebacks where the renderer writes them line by line, below the line. Other keys it writes in one."""
    if traces := [str(event.pop(key)) for key in TRACES if event.get(key)]:
        event["exception"] = "\n".join(traces)
    return event


def _to_json(value: Any) -> str:
    return value.hex() if isinstance(value, (bytes, bytearray, memoryview)) else str(value)
