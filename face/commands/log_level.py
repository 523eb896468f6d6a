"""The command `peerage log-level`."""

from __future__ import annotations

from pathlib import Path

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.commands.running_node import node_of
from peerage.config.home import Home
from peerage.config.log_level import LEVELS, parse_log_level


@click.command("log-level", epilog="Example: peerage log-level switch:debug,*:info")
@home_option
@click.argument("level", required=False, metavar="[LEVEL]")
@output_options
def log_level(home: Home, level: str | None, output: Path | None, *, as_json: bool) -> None:
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
    check_output(output)
    told = node_of(home, "log_level", level=level or "")
    if as_json:
        put_json({"level": told["level"], "silent": list(told["silent"])}, output)
    else:
        put_lines([told["level"]], output)
    if told["silent"]:
        raise FailureError(
            f"{', '.join(told['silent'])} did not answer, and will follow when they are started again"
        )
