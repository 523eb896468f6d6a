"""The commands `peerage config check` and `peerage config show`, and their group."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from peerage.commands.config_file import diff, get, migrate, set_
from peerage.commands.exit_status import MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.loading import load_config, warn
from peerage.commands.options import SettingsCommand, home_option, settings_options
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.config.config import Config
from peerage.config.errors import ConfigError, NodeKeyMissingError
from peerage.config.home import Home
from peerage.config.home_modes import open_to_others
from peerage.config.node_key_file import load_node_key
from peerage.config.quoting import quoted
from peerage.config.sections import SETTINGS
from peerage.config.setting import Setting
from peerage.config.toml_file import nearest
from peerage.wire.net_address import id_in


@click.command("check", cls=SettingsCommand, epilog="Example: peerage config check --home /srv/node")
@home_option
@settings_options
def check(home: Home, flags: Mapping[str, str]) -> None:
    """Say what is wrong with the configuration, key by key.

    Checks everything that would keep a node from starting: config.toml, environment, the flags given here, the network's
    name and the node key. Exit code 0 if nothing is wrong, 2 otherwise.
    """
    config = load_config(home, flags, file_needed=True, to_start=True)
    from peerage.supervisors.node.advertised import unresolved_hosts

    unresolved = unresolved_hosts(config, "laddr", "external_address")
    if unresolved:
        raise ConfigError(unresolved)
    try:
        own_id = load_node_key(config.node_key_path).node_id
    except NodeKeyMissingError as missing:
        warn(str(missing))
    else:
        warn(*_ourselves(config, own_id))
    warn(*open_to_others(config))
    click.echo(f"{home.config_file}: nothing wrong")


@click.command("show", cls=SettingsCommand, epilog="Example: peerage config show p2p --home /srv/node")
@home_option
@output_options
@click.option("--all", "everything", is_flag=True, help="Show settings for tests too.")
@click.argument("keys", nargs=-1, metavar="[KEY]…")
@settings_options
def show(
    home: Home,
    flags: Mapping[str, str],
    keys: tuple[str, ...],
    output: Path | None,
    *,
    as_json: bool,
    everything: bool,
) -> None:
    """Show the effective values and where each comes from.

    KEY is a setting (p2p.laddr) or a section (p2p); by default everything is shown.
    """
    config = load_config(home, flags)
    if not home.config_file.exists():
        warn(f"{home.config_file}: no such file, `peerage init` writes one")
    chosen = _chosen(keys, everything=everything, config=config)
    if as_json:
        put_json(_as_json(config, chosen), output)
    else:
        put_lines(_as_toml(config, chosen), output)


config = SubcommandGroup(
    "config",
    commands=[check, show, get, set_, diff, migrate],
    help="Check, show or change the configuration.",
    no_args_is_help=True,
)


def _ourselves(config: Config, own_id: str) -> Iterable[str]:
    """Warnings that a list of peers holds our own address, as happens when all nodes of a network share the list."""
    for key in ("persistent_peers", "seeds"):
        for text in dict.fromkeys(getattr(config.p2p, key)):
            if id_in(text) == own_id:
                yield f"p2p.{key}: {quoted(text)} is this node itself, and is left out"


def _chosen(keys: Iterable[str], *, everything: bool, config: Config) -> list[Setting[Any]]:
    """The settings to show: those named, or all that are not hidden, and hidden ones that were set. Raises: MistakeError."""
    names = [setting.name for setting in SETTINGS]
    wanted = set()
    for key in keys:
        spelt = key.replace("-", "_").lower()
        matching = {n for n in names if n.lower() == spelt or n.lower().startswith(f"{spelt}.")}
        if not matching:
            close = nearest(spelt, names)
            hint = f"; did you mean {close}?" if close else ""
            raise MistakeError(f"found {quoted(key)}, allowed: a setting or a section{hint}")
        wanted |= matching
    if wanted:
        return [setting for setting in SETTINGS if setting.name in wanted]
    return [
        s for s in SETTINGS if everything or not s.declared.hidden or config.source_of(s.name) != "default"
    ]


def _as_toml(config: Config, settings: list[Setting[Any]]) -> list[str]:
    """The settings as TOML, with each one's source in a comment."""
    network = f"# network: {quoted(config.network)}, from {config.source_of('network')}"
    lines = [f"# home: {config.home}", network]
    section = ""
    for setting in settings:
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        value = setting.declared.kind.to_toml(config.value_of(setting))
        lines.append(f"{f'{setting.key} = {value}':<50} # {config.source_of(setting.name)}")
    return lines


def _as_json(config: Config, settings: list[Setting[Any]]) -> dict[str, Any]:
    shown = {
        setting.name: {"value": config.value_of(setting), "source": config.source_of(setting.name)}
        for setting in settings
    }
    network = {"value": config.network, "source": config.source_of("network")}
    return {"home": str(config.home), "network": network, "settings": shown}
