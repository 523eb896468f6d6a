"""Prints the history of a home's peers."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import click

from peerage.actors.events.history import MOST_SESSIONS, HistoryError, Session, read_history
from peerage.actors.events.rendering import rfc3339
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import warn
from peerage.commands.table import table
from peerage.config.home import Home
from peerage.config.node_socket import connect_to_node
from peerage.wire.keys import is_node_id, normal_id
from peerage.wire.remote_text import shown

__all__ = ["print_history"]

HEAD = ("CAME", "LASTED", "PEER", "ADDRESS", "DIRECTION", "MONIKER", "LEFT BECAUSE")
TIMEOUT_S = 2.0
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def print_history(home: Home, *, peer: str | None, last: int | None, as_json: bool) -> None:
    """Print it, the newest first. Raises: MistakeError; FailureError, it cannot be read."""
    if peer is not None and not is_node_id(peer):
        raise MistakeError(f"--peer: found {shown(peer)!r}, expected a node ID: 40 hexadecimal digits")
    path = home.peer_history
    if not path.exists():
        warn(f"{path}: no such file, no node has run yet with rpc.laddr set")
    wanted = None if peer is None else normal_id(peer)
    try:
        sessions = read_history(path, peer=wanted, most=last or MOST_SESSIONS * 2, is_running=_runs(home))
    except HistoryError as error:
        raise FailureError(str(error)) from error
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in sessions], indent=2))
        return
    for line in table(HEAD, map(_row, sessions)):
        click.echo(line)


def _runs(home: Home) -> bool:
    try:
        connect_to_node(home.node_socket, TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _row(session: Session) -> Sequence[str]:
    why = ": ".join(each for each in (session.reason, session.detail) if each)
    return (
        rfc3339(session.came)[:19] + "Z",
        lasted((session.went or time.time()) - session.came),
        session.peer,
        session.address,
        session.direction,
        shown(session.moniker) or "-",
        "it is here" if session.went is None else shown(why),
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


def lasted(seconds: float) -> str:
    """A duration in its two largest units: 3h12m."""
    rest, parts = max(0, round(seconds)), list[str]()
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{unit}")
        if len(parts) == 2:
            break
    return "".join(parts) or "0s"
