"""Logging for nodes that run inside another program's process, possibly several of them in one.

The program's own logging is left alone, both structlog's and the standard library's root logger. Each node has a handler
of its own below the logger `peerage`, with the level and format from its configuration, which writes the lines marked
with the node's name. Lines without a name (the actor system's) go to the node that was added first.
"""

from __future__ import annotations

import logging
import os
import threading

from peerage.config.log_level import parse_log_level
from peerage.config.logging import RECORD_FACTS, ROOT, LogSettings, StderrHandler, formatter, level_of

__all__ = ["CHAIN", "NODE", "add_node", "remove_node", "set_node_level"]

NODE = "node"  # the key by which a line is marked with the node's name
CHAIN = "chain"  # and with its chain, where one seed serves several

_lock = threading.RLock()
os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - another thread may have held it
_handlers: dict[str, _NodeHandler] = {}
_level_before = logging.NOTSET


class _NodeHandler(StderrHandler):
    """Writes the lines of one node."""

    def __init__(self, name: str, settings: LogSettings) -> None:
        super().__init__()
        self._name_of_node = name
        self.levels = parse_log_level(settings.level)
        self.setFormatter(formatter(settings))

    def filter(self, record: logging.LogRecord) -> bool:
        name = getattr(record, RECORD_FACTS, {}).get(NODE)
        with _lock:
            if name not in _handlers:
                name = next(iter(_handlers), None)
        return name == self._name_of_node and record.levelno >= level_of(self.levels, record.name)


def add_node(name: str, settings: LogSettings) -> None:
    """Write the lines marked with this name as the settings say. Raises: ValueError for an unknown level."""
    global _level_before  # noqa: PLW0603 - the logger is one for the process
    handler = _NodeHandler(name, settings)
    logger = logging.getLogger(ROOT)
    with _lock:
        if not _handlers:
            _level_before = logger.level
        logger.removeHandler(_handlers.pop(name, handler))
        _handlers[name] = handler
        logger.addHandler(handler)
        _set_level(logger)


def set_node_level(name: str, level: str) -> bool:
    """Write this node's lines from this level on. Returns: whether it has a handler here.

    Raises: ValueError for an unknown level.
    """
    levels = parse_log_level(level)
    with _lock:
        handler = _handlers.get(name)
        if handler is not None:
            handler.levels = levels
            _set_level(logging.getLogger(ROOT))
    return handler is not None


def remove_node(name: str) -> None:
    """Stop writing this node's lines. After the last node the logger is as it was before the first."""
    logger = logging.getLogger(ROOT)
    with _lock:
        handler = _handlers.pop(name, None)
        if handler is not None:
            logger.removeHandler(handler)
            _set_level(logger)


def _set_level(logger: logging.Logger) -> None:
    levels = [level for handler in _handlers.values() for level in handler.levels.values()]
    logger.setLevel(min(levels, default=_level_before))
