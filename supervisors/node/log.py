"""How the parts of one node log. Its embedding process may hold other nodes, and log lines of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import structlog

from peerage.actors.runtime import System
from peerage.actors.runtime.log import get_logger, signature, signed
from peerage.config import Config
from peerage.config.log_level import parse_log_level
from peerage.config.logging import is_ours, set_levels
from peerage.config.node_logging import CHAIN, NODE, add_node, remove_node, set_node_level
from peerage.config.private_lines import hide_peers
from peerage.supervisors.node.host_setup import HostSetup, ProgramsSetup, hidden_in

__all__ = ["NodeLog", "set_level"]

_log = get_logger("peerage.node")
_lock = threading.Lock()
os.register_at_fork(after_in_child=_lock._at_fork_reinit)  # type: ignore[attr-defined]  # noqa: SLF001 - another thread's
_taken: set[str] = set()  # the names of the nodes in this process


class NodeLog:
    """Puts the node's name into every line of its parts, from `open` to `close`. The name is its moniker, or if another node
    in this process has the same moniker, something that tells the two apart.

    The hosts of the node log as its configuration says, unless the actor system was made with a `log_setup` of its own. The
    same holds for this process, unless the program has configured structlog: then all lines go there.

    Args: name, the embedder's name for the node; empty for none.
    """

    def __init__(self, config: Config, name: str) -> None:
        self._config = config
        self._given_name = name
        self._name = ""

    def open(self) -> str:
        """The node is about to start, perhaps again. Returns: its name in the log."""
        settings = self._config.log_settings
        self._name = self._take_name()
        hidden = hidden_in(self._config)
        hide_peers(self._name, hidden.ids, hidden.addresses)
        if not structlog.is_configured():
            add_node(self._name, settings)
        return self._name

    def close(self) -> None:
        """The node has ended, and its last line is written. May be called twice."""
        with _lock:
            _taken.discard(self._name)
        remove_node(self._name)

    @property
    def host_setup(self) -> Callable[[], None]:
        """What each host of the node runs first; if the actor system has a `log_setup` of its own, that."""
        chosen, hidden = System.current().log_setup, hidden_in(self._config)
        if chosen is not None and not isinstance(chosen, HostSetup):
            return ProgramsSetup(chosen, self._name, hidden)
        stacks = str(self._config.home.stacks_file)
        chain = signature().get(CHAIN, "")
        return HostSetup(self._config.log_settings, self._name, stacks, chain, hidden)

    def signed(self) -> AbstractContextManager[None]:
        """A context in which everything that is started logs under the node's name."""
        return signed(self._facts)

    def info(self, event: str, **facts: Any) -> None:
        _log.bind(**self._facts).info(event, **facts)

    def error(self, event: str, **facts: Any) -> None:
        _log.bind(**self._facts).error(event, **facts)

    def warning(self, event: str, **facts: Any) -> None:
        _log.bind(**self._facts).warning(event, **facts)

    @property
    def _facts(self) -> Mapping[str, str]:
        return {NODE: self._name} if self._name else {}

    def _take_name(self) -> str:
        moniker, home = self._config.moniker, str(self._config.home.path)
        with _lock:
            for name in (moniker, self._given_name, home):
                if name and name not in _taken:
                    break
            else:
                number = next(n for n in range(2, len(_taken) + 3) if f"{home} ({n})" not in _taken)
                name = f"{home} ({number})"
            _taken.add(name)
        return name


def set_level(node: str, level: str) -> None:
    """Have this process log the lines of a node at another level; if `peerage start` has set up its log, all lines.

    A log that the program has configured is the program's. Raises: ValueError for an unknown level.
    """
    if not set_node_level(node, level) and is_ours():
        set_levels(parse_log_level(level))
