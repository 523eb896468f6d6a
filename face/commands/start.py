"""The command `peerage start`."""

from __future__ import annotations

from collections.abc import Mapping

import click

from peerage.commands.options import SettingsCommand, home_option, settings_options
from peerage.config.home import Home


@click.command(
    "start",
    cls=SettingsCommand,
    epilog="Example: peerage start --home /srv/node --p2p.seeds ID@seed.example.org:26656",
)
@home_option
@settings_options
def start(home: Home, flags: Mapping[str, str]) -> None:
    """Run the node until SIGINT or SIGTERM. SIGHUP has it read its configuration again, as `peerage reload` does.

    Prints the node's ID@address when it listens. Exit code 0 after a clean stop, 1 if the node failed, 2 if something
    in its configuration, or a limit of the system, keeps it from starting.
    """
    from peerage.commands.node_run import run_node

    run_node(home, flags)
