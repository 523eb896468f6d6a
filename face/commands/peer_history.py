"""Prints the history of a home's peers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peerage.actors.events.history import MOST_SESSIONS, HistoryError, Session, read_history
from peerage.actors.events.rendering import rfc3339
from peerage.commands.event_lines import cause
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.commands.printing import age, put_json, put_lines
from peerage.commands.table import table
from peerage.config.home import Home
from peerage.config.node_socket import connect_to_node
from peerage.wire.keys import is_node_id, normal_id
from peerage.wire.remote_text import shown

__all__ = ["print_history"]

HEAD = ("CAME", "LASTED", "PEER", "ADDRESS", "DIRECTION", "MONIKER", "LEFT BECAUSE")
TIMEOUT_S = 2.0


def print_history(
    home: Home, output: Path | None = None, *, peer: str | None, last: int | None, as_json: bool
) -> None:
    """Print it, the newest first. Raises: MistakeError; FailureError, it cannot be read."""
    if peer is not None and not is_node_id(peer):
        raise MistakeError(f"--peer: found {shown(peer)!r}, expected a node ID: 40 hexadecimal digits")
    path = home.peer_history
    if not path.exists():
        warn(f"{path}: no such file, no node has run yet, or none that takes commands")
    wanted = None if peer is None else normal_id(peer)
    try:
        sessions = read_history(path, peer=wanted, most=last or MOST_SESSIONS * 2, is_running=_runs(home))
    except HistoryError as error:
        raise FailureError(str(error)) from error
    if as_json:
        put_json([_as_json(each) for each in sessions], output)
    else:
        put_lines(table(HEAD, map(_row, sessions)), output)


def _runs(home: Home) -> bool:
    try:
        connect_to_node(home.node_socket, TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _row(session: Session) -> Sequence[str]:
    return (
        rfc3339(session.came)[:19] + "Z",
        age((session.went or time.time()) - session.came),
        session.peer,
        session.address,
        session.direction,
        shown(session.moniker) or "-",
        "it is here" if session.went is None else shown(cause(session.reason, session.detail)),
    )


def _as_json(session: Session) -> dict[str, Any]:
    return {
        "peer": session.peer,
        "address": session.address,
        "direction": session.direction,
        "moniker": session.moniker,
        "version": session.version,
        "came": rfc3339(session.came),
        "went": None if session.went is None else rfc3339(session.went),
        "seconds": round(max(0.0, (session.went or time.time()) - session.came), 3),
        "reason": session.reason,
        "detail": session.detail,
    }
