"""The command `peerage init`."""

from pathlib import Path

import click

from peerage.commands.exit_status import MistakeError
from peerage.commands.loading import load_config, warn
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.config.errors import HomeError, UnfitValueError
from peerage.config.home import Home, make_directory
from peerage.config.home_modes import open_to_others
from peerage.config.new_file import write_new_file
from peerage.config.node_key_file import load_or_create_node_key
from peerage.config.quoting import quoted
from peerage.config.sections import SETTINGS
from peerage.config.template import render_config_toml

CONFIG_MODE = 0o644  # as CometBFT's
# CometBFT gives a persistent peer up after a day. Who begins anew has nothing to keep compatible with, and means "always".
NEVER_GIVEN_UP = {"p2p.persistent_peers_max_dial_period": 60.0}


@click.command(epilog="Example: peerage init --home /srv/node --network my-chain")
@home_option
@click.option("--network", metavar="ID", default="", help="Name of the network, written into config.toml.")
@click.option(
    "--from",
    "source",
    metavar="HOME",
    help="Take over a CometBFT home: its settings with today's names, node key, address book and network.",
)
@output_options
def init(home: Home, network: str, source: str | None, output: Path | None, *, as_json: bool) -> None:
    """Create a home directory: config/config.toml, config/node_key.json and data/.

    Leaves files that exist unchanged, and says so. A CometBFT home works as it is, too: --from is for a
    home of its own, beside one that stays.
    """
    _check_name(network)
    check_output(output)
    report = _Report(prints=not as_json and output is None)
    if source is not None:
        from peerage.commands.takeover import take_over

        for path, is_new in take_over(Home.find(source), home, network):
            report.add(path, is_new)
    report.add(home.config_file.parent, make_directory(home.config_file.parent))
    report.add(home.config_file, _write_config(home, network))
    config = load_config(home)
    if network and config.network != network:
        origin = config.source_of("network")
        warn(f"the network is not {quoted(network)} but {quoted(config.network)} ({origin}), and stays so")
    elif not config.network:
        warn("the network has no name yet: give --network when starting, or set network in [peerage]")
    key, created = load_or_create_node_key(config.node_key_path)
    report.add(config.node_key_path, created)
    report.add(home.data_dir, make_directory(home.data_dir))
    warn(*open_to_others(config))
    if as_json:
        known = {"home": str(home), "network": config.network, "node_id": key.node_id}
        put_json(known | {"wrote": report.paths(new=True), "kept": report.paths(new=False)}, output)
    else:
        put_lines([*report.lines_to_come(), f"node ID: {key.node_id}"], output)


class _Report:
    """Which paths were written, and which were there already. Args: prints, each at once: what follows may fail."""

    def __init__(self, *, prints: bool) -> None:
        self._prints = prints
        self._is_new: dict[Path, bool] = {}  # of a path that is told twice the first counts

    def add(self, path: Path, is_new: bool) -> None:
        if path not in self._is_new:
            self._is_new[path] = is_new
            if self._prints:
                click.echo(_line(path, is_new))

    def paths(self, *, new: bool) -> list[str]:
        return [str(path) for path, is_new in self._is_new.items() if is_new is new]

    def lines_to_come(self) -> list[str]:
        """Those that were not printed."""
        return [] if self._prints else [_line(*each) for each in self._is_new.items()]


def _line(path: Path, is_new: bool) -> str:
    return f"wrote {path}" if is_new else f"kept {path}, it was there"


def _write_config(home: Home, network: str) -> bool:
    """Write config.toml if there is none. Returns: whether it was written. Raises: HomeError."""
    values = NEVER_GIVEN_UP | ({"peerage.network": network} if network else {})
    if home.config_file.exists():
        return False
    try:
        return write_new_file(home.config_file, render_config_toml(values).encode(), CONFIG_MODE)
    except OSError as error:
        raise HomeError(home.config_file, f"cannot be written: {error.strerror}") from error


def _check_name(network: str) -> None:
    """Before anything is written. Raises: MistakeError."""
    (setting,) = (setting for setting in SETTINGS if setting.name == "peerage.network")
    try:
        setting.from_text(network)
    except UnfitValueError as error:
        raise MistakeError(f"--network: {error}") from error
