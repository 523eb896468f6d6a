"""The command `peerage seed`: one seed for several chains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from peerage.commands.exit_status import MistakeError
from peerage.commands.options import SettingsCommand, home_option, settings_options
from peerage.commands.printing import output_options
from peerage.config.home import Home


@click.command(
    "seed",
    cls=SettingsCommand,
    epilog="Example: peerage seed --chain my-chain=ID@seed.example.org:26656 --chain other=ID@203.0.113.5:26656",
)
@home_option
@click.option(
    "--chain",
    "chains",
    multiple=True,
    metavar="ID=SEEDS",
    help="A chain, and the nodes to ask first, with commas between; may be given several times.",
)
@click.option(
    "--chains",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Chains as tables of a TOML file.  [default: config/chains.toml in the home, if there is one]",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Of the first new chain; the next ones follow.  [default: 26656]",
)
@click.option(
    "--shared-key", is_flag=True, help="All chains have the node key in the home, not each its own."
)
@click.option(
    "--metrics",
    metavar="ADDRESS",
    help="Serve the metrics of all chains at host:port, with a label chain_id.",
)
@click.option(
    "--dashboard-at",
    metavar="ADDRESS",
    help="Serve a page of all chains, and that of each, at host:port.",
)
@click.option("--status", is_flag=True, help="Say how the chains of a running seed stand, and end.")
@output_options
@settings_options
def seed(home: Home, output: Path | None, *, status: bool, as_json: bool, **wished: Any) -> None:
    """Run a seed for several chains, each in processes of its own.

    It runs until SIGINT or SIGTERM, and prints a line for each chain that listens, its ID and ID@address. The node of a
    chain has its home in chains/ID; commands like `peerage peers` take that as their --home. Settings that are given here
    count for all chains.

    What happens to one chain is not noticed by the others. One whose processes have ended is started again; after 5
    restarts in a minute it rests for five minutes, or until SIGHUP, which has all chains read their configuration again.
    Exit code 0 after a clean stop, 1 if all chains rest, 2 if something in the configuration of any is wrong.
    """
    from peerage.commands.seed_run import Wishes, run_seed
    from peerage.commands.seed_status import show_status

    if status:
        show_status(home, output, as_json=as_json)
    elif as_json or output:
        raise MistakeError("--json, --output: found without --status, allowed: with it")
    else:
        run_seed(home, Wishes(**wished))
