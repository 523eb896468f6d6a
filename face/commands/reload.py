"""The command `peerage reload`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from peerage.commands.exit_status import FailureError
from peerage.commands.loading import warn
from peerage.commands.options import home_option
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.commands.running_node import node_of
from peerage.config.home import Home


@click.command("reload", epilog="Example: peerage reload --home /srv/node")
@home_option
@click.option(
    "--reactor",
    metavar="NAME",
    help="Leave the configuration, and start this reactor anew with the code that is there now.",
)
@output_options
def reload(home: Home, reactor: str | None, output: Path | None, *, as_json: bool) -> None:
    """Have a running node read its configuration again, as SIGHUP does.

    It reads the file, and takes the flags and the environment of its start. Says a line for each setting that changed, and
    for each that counts from the next start only. A mistake in the file changes nothing.

    With --reactor it upgrades a reactor, by the name that it has in the node: all connections stay. Code that cannot be
    imported or has other channels is refused, and the old one goes on.
    """
    if reactor is not None:
        _upgrade(home, reactor)
        if as_json:
            put_json({"name": reactor}, output)
        else:
            put_lines([f"{reactor} runs with the code that is there now"], output)
        return
    done = node_of(home, "reload")
    if as_json:
        put_json(done, output)
    else:
        warn(*done["warnings"])
        put_lines(_lines(done), output)
    if done["silent"]:
        raise FailureError(
            f"{', '.join(done['silent'])} did not answer, and will follow when they are started again"
        )


def _upgrade(home: Home, reactor: str) -> None:
    """Have a reactor upgraded, and wait for it: the node says every few seconds how far that is."""
    number, done = 0, False
    while not done:
        progress = node_of(home, "upgrade_reactor", name=reactor, upgrade=number)
        number, done = progress["upgrade"], progress["done"]


def _lines(done: Mapping[str, Any]) -> Iterator[str]:
    for change in done["changed"]:
        how = f" ({change['how']})" if change["how"] else ""
        yield f"{change['setting']}: {change['before']} -> {change['after']}{how}"
    for change in done["needs_restart"]:
        yield f"{change['setting']}: stays {change['before']}; {change['after']} needs a restart of the node"
    if not done["changed"] and not done["needs_restart"]:
        yield "nothing has changed"
