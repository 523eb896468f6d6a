"""The runtime's log: structlog where the program has set it up, else the standard library's logger of the
same name, with the facts written out behind the event.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

NAME = "peerage.runtime"


def logger() -> Any:
    """A bound logger.

    Unconfigured, structlog would print everything to stdout, which is not for a library to decide.
    """
    if structlog.is_configured():
        return structlog.get_logger(NAME)
    return structlog.wrap_logger(
        logging.getLogger(NAME),
        processors=[structlog.stdlib.filter_by_level, structlog.processors.format_exc_info, _as_text],
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def is_debugging() -> bool:
    """Whether debug lines would go anywhere: they stand on hot paths."""
    return structlog.is_configured() or logging.getLogger(NAME).isEnabledFor(logging.DEBUG)


def _as_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    text = str(event.pop("event"))
    trace = event.pop("exception", None) or event.pop("traceback", None)
    facts = "".join(f" {key}={value}" for key, value in event.items())
    return f"{text}:{facts}\n{trace}" if trace else f"{text}:{facts}"
