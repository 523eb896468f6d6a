"""The commands `peerage bans list`, `add` and `remove`."""

import json
import time
from typing import Any

import click

from peerage.actors.discovery.book.bans import Ban, normal_subject
from peerage.actors.discovery.book.row_codec import MAX_REASON
from peerage.actors.discovery.book.timestamps import SECOND, format_time, nanoseconds
from peerage.actors.discovery.errors import BanSubjectError
from peerage.commands.book import open_alone, snapshot, told
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.loading import load_config
from peerage.commands.options import home_option
from peerage.commands.table import table
from peerage.config.duration import parse_duration
from peerage.config.home import Home
from peerage.wire.remote_text import shown

DEFAULT_REASON = "by the operator"


@click.command("list", epilog="Example: peerage bans list --json")
@home_option
@click.option("--all", "everything", is_flag=True, help="List bans that have expired, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(home: Home, *, everything: bool, as_json: bool) -> None:
    """List who is banned, until when and why. Works while the node runs."""
    now = nanoseconds(time.time())
    book = snapshot(home, load_config(home))
    bans = sorted((b for b in book.bans if everything or b.until > now), key=lambda b: (b.until, b.subject))
    if as_json:
        click.echo(json.dumps([_as_json(ban, now) for ban in bans], indent=2))
        return
    rows = ((ban.subject, told(ban.until), str(ban.strikes), _one_line(ban.reason)) for ban in bans)
    for line in table(("WHO", "UNTIL", "TIMES", "REASON"), rows):
        click.echo(line)


@click.command("add", epilog="Example: peerage bans add 203.0.113.0/24 --for 12h --reason 'scans us'")
@home_option
@click.argument("subject", metavar="ID|IP|CIDR")
@click.option("--for", "duration", default="24h", show_default=True, metavar="DURATION", help="How long.")
@click.option("--reason", default=DEFAULT_REASON, show_default=True, metavar="TEXT", help="Why.")
def add(home: Home, subject: str, duration: str, reason: str) -> None:
    """Ban a node ID, an IP address or a network.

    If it is banned already, the later of the two ends counts. The node must not be running.
    """
    seconds = _seconds(duration)
    subject = _subject(subject)
    if len(reason) > MAX_REASON:
        raise MistakeError(f"--reason: found {len(reason)} characters, allowed: at most {MAX_REASON}")
    with open_alone(home, load_config(home)) as book:
        ban = book.bad_peers.ban(subject, seconds, reason)
    click.echo(f"{ban.subject} is banned until {told(ban.until)}")


@click.command("remove", epilog="Example: peerage bans remove 203.0.113.0/24")
@home_option
@click.argument("subject", metavar="ID|IP|CIDR")
def remove(home: Home, subject: str) -> None:
    """End a ban. What the book knew about a banned ID is back in it. The node must not be running."""
    subject = _subject(subject)
    with open_alone(home, load_config(home)) as book:
        if not book.bad_peers.lift(subject):
            raise FailureError(f"{subject} is not banned")
    click.echo(f"{subject} is not banned any more")


bans = SubcommandGroup(
    "bans", commands=[list_, add, remove], help="List, add or remove bans.", no_args_is_help=True
)


def _subject(text: str) -> str:
    try:
        return normal_subject(text)
    except BanSubjectError as error:
        raise MistakeError(str(error)) from error


def _seconds(duration: str) -> float:
    try:
        wanted = parse_duration(duration)
    except ValueError:
        wanted = 0
    if wanted <= 0:
        raise MistakeError(
            f"--for: found {duration!r}, allowed: a duration above 0 and up to 292 years, like 30m or 24h"
        )
    return wanted / SECOND


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()))


def _as_json(ban: Ban, now: int) -> dict[str, Any]:
    return {
        "subject": ban.subject,
        "reason": ban.reason,
        "since": format_time(ban.since),
        "until": format_time(ban.until),
        "active": ban.until > now,
        "strikes": ban.strikes,
    }
