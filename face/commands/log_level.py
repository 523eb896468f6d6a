"""The command `peerage log-level`."""

from __future__ import annotations

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.options import home_option
from peerage.commands.running_node import node_of
from peerage.config.home import Home
from peerage.config.log_level import LEVELS, parse_log_level


@click.command("log-level", epilog="Example: peerage log-level switch:debug,*:info")
@home_option
@click.argument("level", required=False, metavar="[LEVEL]")
def log_level(home: Home, level: str | None) -> None:
    """Show or change what a running node logs, in all its processes.

    LEVEL is one level, or levels by module, as log_level in config.toml: debug, p2p:debug,*:error. It counts at once, and
    until the next reload or start.
    """
    if level is not None:
        try:
            parse_log_level(level)
        except ValueError as error:
            known = ", ".join(LEVELS)
            raise MistakeError(
                f"LEVEL: found {level!r}, allowed: one of {known}, or MODULE:LEVEL with commas between"
            ) from error
    told = node_of(home, "log_level", level=level or "")
    click.echo(told["level"])
    if told["silent"]:
        raise FailureError(
            f"{', '.join(told['silent'])} did not answer, and will follow when they are started again"
        )
