"""Does what the command `peerage events` is asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

import click

from peerage.actors.discovery.book.bans import normal_subject
from peerage.actors.discovery.errors import BanSubjectError
from peerage.actors.events.happenings import KINDS
from peerage.commands.event_lines import MESSAGE, Notice, event_line, read_notices
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.interrupts import INTERRUPTED
from peerage.commands.lost_output import raise_if_nobody_reads
from peerage.commands.node_link import NodeGoneError
from peerage.commands.running_node import not_there, stream_from_node
from peerage.config.duration import NANOSECONDS_PER_SECOND, parse_duration
from peerage.config.home import Home

STOPPED = "stopped"
COMPLETE = "complete"
LAST = 10  # events before those that are followed, as `tail -f` has lines


def run_events(
    home: Home, *, follow: bool, kinds: tuple[str, ...], subject: str | None, since: str | None, as_json: bool
) -> None:
    """Show events. The arguments are the command's. Raises: MistakeError, FailureError."""
    for kind in kinds:
        if kind not in KINDS:
            raise MistakeError(f"--kind: found {kind!r}, allowed: {', '.join(KINDS)}")
    query = [("kind", kind) for kind in kinds]
    query.append(("follow", "true" if follow else "false"))
    if subject is not None:
        query.append(("peer", _subject(subject)))
    if since is not None:
        query.append(("since", _time(since)))
    elif follow:
        query.append(("last", str(LAST)))
    try:
        with stream_from_node(home, f"/events?{urlencode(query)}") as lines:
            reason = _show(lines, as_json=as_json)
    except NodeGoneError as error:
        raise not_there(home, error) from error
    except KeyboardInterrupt:
        raise click.exceptions.Exit(INTERRUPTED) from None
    if reason is None:
        raise FailureError("the connection to the node was lost")
    if reason == STOPPED:
        click.echo("the node has stopped", err=True)


def _show(lines: Iterable[bytes], *, as_json: bool) -> str | None:
    """Print what comes. Returns: why there is no more, None if the node has not said so."""
    try:
        for notice in read_notices(lines):
            if notice.name == "end":
                if notice.data.get("reason") in {STOPPED, COMPLETE}:
                    return str(notice.data["reason"])
                raise FailureError(
                    "the part of the node that tells events does not answer; it may be restarting"
                )
            _print(notice, as_json=as_json)
    except ValueError as error:
        raise FailureError(f"the node sent something that is no event: {error}") from error
    return None


def _print(notice: Notice, *, as_json: bool) -> None:
    if notice.name == MESSAGE:
        click.echo(json.dumps(notice.data) if as_json else event_line(notice.data))
    elif notice.name == "missed":
        click.echo(f"{notice.data.get('missed')} events were missed: the node keeps no more", err=True)
    else:  # a sign of life
        raise_if_nobody_reads()


def _subject(text: str) -> str:
    try:
        return normal_subject(text)
    except BanSubjectError as error:
        raise MistakeError(f"--peer: {error}") from error


def _time(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            seconds = parse_duration(text) / NANOSECONDS_PER_SECOND
            found = datetime.fromtimestamp(time.time() - seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise MistakeError(
                f"--since: found {text!r}, expected a time like 2026-01-31T12:00:00Z or a duration like 10m"
            ) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
