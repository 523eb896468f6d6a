"""The command `peerage events`: what happens in a running node."""

from __future__ import annotations

import click

from peerage.commands.options import home_option
from peerage.config.home import Home


def _kinds(_context: click.Context, _parameter: click.Parameter, beginning: str) -> list[str]:
    from peerage.actors.events.happenings import KINDS

    return [kind for kind in KINDS if kind.startswith(beginning)]


@click.command("events", epilog="Example: peerage events -f --kind lost --kind refused")
@home_option
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until the node stops.")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="These kinds only.", shell_complete=_kinds
)
@click.option("--peer", "subject", metavar="ID|IP|CIDR", help="What is about this peer, or who was banned.")
@click.option(
    "--since", metavar="TIME|DURATION", help="Not before: 2026-01-31T12:00:00Z, or 10m for ten minutes ago."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def events(
    home: Home, *, follow: bool, kinds: tuple[str, ...], subject: str | None, since: str | None, as_json: bool
) -> None:
    """Show what happened in a running node: who came, was refused, lost or banned, and what was restarted.

    The node keeps the last thousand events. Exit code 0 when all is told or the node has stopped, 1 when the connection to
    it was lost, 130 after Ctrl-C.
    """
    from peerage.commands.events_run import run_events

    run_events(home, follow=follow, kinds=kinds, subject=subject, since=since, as_json=as_json)
