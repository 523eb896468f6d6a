"""The command `peerage init`."""

from pathlib import Path

import click

from peerage.commands.loading import load_config, warn
from peerage.commands.options import home_option
from peerage.config.errors import HomeError
from peerage.config.home import Home, make_directory
from peerage.config.home_modes import open_to_others
from peerage.config.new_file import write_new_file
from peerage.config.node_key_file import load_or_create_node_key
from peerage.config.quoting import quoted
from peerage.config.template import render_config_toml

CONFIG_MODE = 0o644  # as CometBFT's


@click.command(epilog="Example: peerage init --home /srv/node --network my-chain")
@home_option
@click.option("--network", metavar="ID", default="", help="Name of the network, written into config.toml.")
@click.option(
    "--from",
    "source",
    metavar="HOME",
    help="Take over a CometBFT home: its settings with today's names, node key, address book and network.",
)
def init(home: Home, network: str, source: str | None) -> None:
    """Create a home directory: config/config.toml, config/node_key.json and data/.

    Leaves files that exist unchanged, and says so. A CometBFT home works as it is, too: --from is for a
    home of its own, beside one that stays.
    """
    _check_text(network)
    report = _Report()
    if source is not None:
        from peerage.commands.takeover import take_over

        for path, is_new in take_over(Home.find(source), home, network):
            report.add(path, new=is_new)
    report.add(home.config_file.parent, new=make_directory(home.config_file.parent))
    report.add(home.config_file, new=_write_config(home, network))
    config = load_config(home)
    if network and config.network != network:
        origin = config.source_of("network")
        warn(f"the network is not {quoted(network)} but {quoted(config.network)} ({origin}), and stays so")
    elif not config.network:
        warn("the network has no name yet: give --network when starting, or set network in [peerage]")
    key, created = load_or_create_node_key(config.node_key_path)
    report.add(config.node_key_path, new=created)
    report.add(home.data_dir, new=make_directory(home.data_dir))
    warn(*open_to_others(config))
    click.echo(f"node ID: {key.node_id}")


class _Report:
    """Says of each path once whether it was written or there already."""

    def __init__(self) -> None:
        self._told: set[Path] = set()

    def add(self, path: Path, *, new: bool) -> None:
        if path not in self._told:
            self._told.add(path)
            click.echo(f"wrote {path}" if new else f"kept {path}, it was there")


def _write_config(home: Home, network: str) -> bool:
    """Write config.toml if there is none. Returns: whether it was written. Raises: HomeError."""
    values = {"peerage.network": network} if network else {}
    if home.config_file.exists():
        return False
    try:
        return write_new_file(home.config_file, render_config_toml(values).encode(), CONFIG_MODE)
    except OSError as error:
        raise HomeError(home.config_file, f"cannot be written: {error.strerror}") from error


def _check_text(network: str) -> None:
    try:
        network.encode()
    except UnicodeEncodeError as error:  # the command line held bytes that are not UTF-8
        raise click.BadParameter(
            f"found {quoted(network)}, allowed: UTF-8", param_hint="--network"
        ) from error
