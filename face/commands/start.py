"""The command `peerage start`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from peerage.commands.exit_status import MistakeError
from peerage.commands.options import SettingsCommand, home_option, settings_options
from peerage.commands.printing import output_options
from peerage.config.home import Home


@click.command(
    "start",
    cls=SettingsCommand,
    epilog="Example: peerage start --home /srv/node --p2p.seeds ID@seed.example.org:26656",
)
@home_option
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would be started, and what would keep it from that; start nothing.",
)
@output_options
@click.option(
    "--chain", default="", hidden=True, help="The chain of a seed of several: each line of the log has it."
)
@click.option("--stop-at-eof", is_flag=True, hidden=True, help="Stop when standard input ends, too.")
@settings_options
def start(
    home: Home,
    flags: Mapping[str, str],
    chain: str,
    output: Path | None,
    *,
    as_json: bool,
    dry_run: bool,
    stop_at_eof: bool,
) -> None:
    """Run the node until SIGINT or SIGTERM. SIGHUP has it read its configuration again, as `peerage reload` does.

    Prints the node's ID@address when it listens. Exit code 0 after a clean stop, 1 if the node failed, 2 if something
    in its configuration, or a limit of the system, keeps it from starting.
    """
    if dry_run:
        from peerage.commands.dry_run import plan_for, tell

        tell(plan_for(home, flags), output, as_json=as_json)
        return
    if as_json or output is not None:
        raise MistakeError(
            f"{'--json' if as_json else '--output'}: found without --dry-run, which it belongs to; "
            "--log-format json is for the log"
        )
    from peerage.commands.node_run import run_node

    run_node(home, flags, chain, stop_at_eof=stop_at_eof)
