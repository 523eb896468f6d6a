"""The commands `peerage bans list`, `scores`, `add` and `remove`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerage.actors.discovery.book.timestamps import format_time, nanoseconds, parse_time
from peerage.actors.discovery.errors import BanSubjectError
from peerage.commands.ban_reach import whom_it_hits
from peerage.commands.book import lock_home, open_alone, snapshot, told
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.loading import load_config
from peerage.commands.node_link import NodeGoneError
from peerage.commands.options import home_option
from peerage.commands.peer_names import PeerName
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.commands.running_node import call_node
from peerage.commands.span import Span
from peerage.commands.table import table
from peerage.config.errors import HomeInUseError
from peerage.config.home import Home
from peerage.wire.net_address import id_in
from peerage.wire.remote_text import shown

if TYPE_CHECKING:
    from peerage.actors.discovery.book.bans import Ban
    from peerage.actors.discovery.book.misbehaviour import Offender

DEFAULT_REASON = "by the operator"


@click.command("list", epilog="Example: peerage bans list --json")
@home_option
@click.option("--all", "everything", is_flag=True, help="List bans that have expired, too.")
@output_options
def list_(home: Home, output: Path | None, *, everything: bool, as_json: bool) -> None:
    """List who is banned, until when, how often, with how many points, and why. Works while the node runs."""
    now = nanoseconds(time.time())
    book = snapshot(home, load_config(home))
    bans = sorted((b for b in book.bans if everything or b.until > now), key=lambda b: (b.until, b.subject))
    scores = {offender.subject: offender.score for offender in book.misbehaviour.offenders()}
    if as_json:
        found = [{**_as_json(ban, now), "score": round(scores.get(ban.subject, 0.0), 1)} for ban in bans]
        put_json(found, output)
        return
    rows = (
        (
            ban.subject,
            told(ban.until),
            str(ban.strikes),
            f"{scores.get(ban.subject, 0.0):.0f}",
            _one_line(ban.reason),
        )
        for ban in bans
    )
    put_lines(table(("WHO", "UNTIL", "TIMES", "SCORE", "REASON"), rows), output)


@click.command("scores", epilog="Example: peerage bans scores --json")
@home_option
@output_options
def scores(home: Home, output: Path | None, *, as_json: bool) -> None:
    """List what counts against whom: points of IDs, hosts and networks. Works while the node runs."""
    offenders = snapshot(home, load_config(home)).misbehaviour.offenders()
    if as_json:
        put_json([_offender_as_json(offender) for offender in offenders], output)
        return
    rows = (
        (each.subject, f"{each.score:.1f}", str(each.offences), told(each.last_at), each.last.text)
        for each in offenders
    )
    put_lines(table(("WHO", "SCORE", "OFFENCES", "LAST", "OFFENCE"), rows), output)


@click.command("add", epilog="Example: peerage bans add 203.0.113.0/24 --for 12h --reason 'scans us'")
@home_option
@click.argument("subject", type=PeerName(), metavar="ID|IP|CIDR")
@click.option("--for", "seconds", type=Span(), default="24h", show_default=True, help="How long.")
@click.option("--reason", default=DEFAULT_REASON, show_default=True, metavar="TEXT", help="Why.")
@click.option("--force", is_flag=True, help="Also everybody, and peers that the node's own lists name.")
@output_options
def add(
    home: Home,
    subject: str,
    seconds: float,
    reason: str,
    output: Path | None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    """Ban a node ID, an IP address or a network.

    If it is banned already, the later of the two ends counts. A running node ends its connections at once. A network of all
    addresses, and whatever would hit a persistent or unconditional peer, is refused (exit code 2) unless --force is given.
    """
    from peerage.actors.discovery.book.row_codec import MAX_REASON

    check_output(output)
    subject = _subject(subject)
    if len(reason) > MAX_REASON:
        raise MistakeError(f"--reason: found {len(reason)} characters, allowed: at most {MAX_REASON}")
    if not force and (hit := whom_it_hits(subject, _kept(home))):
        raise MistakeError(f"{subject} would ban {hit}; --force does it all the same")
    order = {"subject": subject, "duration": f"{nanoseconds(seconds)}ns", "reason": reason}
    running = _tell_node(home, "ban", order)
    if running is not None:
        until = parse_time(running["until"])
    else:
        with open_alone(home, load_config(home)) as book:
            until = book.bad_peers.ban(subject, seconds, reason).until
    if as_json:
        put_json({"subject": subject, "until": format_time(until)}, output)
    else:
        put_lines([f"{subject} is banned until {told(until)}"], output)


@click.command("remove", epilog="Example: peerage bans remove 203.0.113.0/24")
@home_option
@click.argument("subject", metavar="ID|IP|CIDR")
def remove(home: Home, subject: str) -> None:
    """End a ban, and forget what counts against its subject. What the book knew about a banned ID is back in it."""
    subject = _subject(subject)
    if _tell_node(home, "unban", {"subject": subject}) is None:
        with open_alone(home, load_config(home)) as book:
            if not book.misbehaviour.forgive(subject):
                raise FailureError(f"{subject} is not banned")
    click.echo(f"{subject} is not banned any more")


bans = SubcommandGroup(
    "bans",
    commands=[list_, scores, add, remove],
    help="List, add or remove bans, and list what counts against whom.",
    no_args_is_help=True,
)


def _tell_node(home: Home, method: str, params: dict[str, Any]) -> Any:
    """Have the node that runs in this home do it. Returns: its answer, None when none runs there.

    Raises: MistakeError when the node cannot be reached; FailureError with what it says.
    """
    try:
        lock_home(home).release()
    except HomeInUseError as in_use:
        try:
            return call_node(home, method, **params)
        except NodeGoneError as error:
            raise MistakeError(f"{in_use}; it cannot be told ({error.cause}), so stop it first") from error
    return None


def _kept(home: Home) -> list[str]:
    """Persistent and unconditional peers: their IDs or addresses. Of a running node also those that it was told of later,
    and where those are that are connected.
    """
    lists, found = _tell_node(home, "peer_lists", {}), _tell_node(home, "peers", {})
    if lists is None or found is None:
        config = load_config(home)
        return [*config.p2p.persistent_peers, *config.p2p.unconditional_peer_ids]
    kept = [*lists["persistent"], *lists["unconditional"]]
    ids = frozenset(map(id_in, kept))
    return [*kept, *(f"{peer['id']}@{peer['address']}" for peer in found["peers"] if peer["id"] in ids)]


def _subject(text: str) -> str:
    from peerage.actors.discovery.book.bans import normal_subject

    try:
        return normal_subject(text)
    except BanSubjectError as error:
        raise MistakeError(str(error)) from error


def _one_line(text: str) -> str:
    return shown(" ".join(text.split()))


def _offender_as_json(offender: Offender) -> dict[str, Any]:
    return {
        "subject": offender.subject,
        "score": round(offender.score, 1),
        "offences": offender.offences,
        "last_offence": offender.last.text,
        "last_time": format_time(offender.last_at),
        "bans": offender.bans,
    }


def _as_json(ban: Ban, now: int) -> dict[str, Any]:
    return {
        "subject": ban.subject,
        "reason": ban.reason,
        "since": format_time(ban.since),
        "until": format_time(ban.until),
        "active": ban.until > now,
        "strikes": ban.strikes,
    }
