"""The commands `peerage config check` and `peerage config show`, and their group."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from peerage.commands.config_file import diff, get, migrate, set_
from peerage.commands.exit_status import MistakeError
from peerage.commands.group import SubcommandGroup
from peerage.commands.loading import load_config, warn, warn_without_file
from peerage.commands.options import SettingsCommand, home_option, settings_options
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.config.config import Config
from peerage.config.errors import (
    ConfigError,
    Mistake,
    NodeKeyFileError,
    NodeKeyMissingError,
    OperatorError,
)
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
@output_options
@click.option("--strict", "is_strict", is_flag=True, help="Count every warning as a mistake.")
@settings_options
def check(
    home: Home, flags: Mapping[str, str], output: Path | None, *, as_json: bool, is_strict: bool
) -> None:
    """Say what is wrong with the configuration, key by key.

    Checks everything that would keep a node from starting: config.toml, environment, the flags given here, the network's
    name and the node key. Warns of what was probably not meant: unknown keys, peers whose names have no address or that are
    this node itself, an announced address that address books refuse. Exit code 0 if nothing is wrong, 2 otherwise.
    """
    odd: list[str] = []
    wrong: OperatorError | MistakeError | None = None
    try:
        config = Config.load(home, flags, file_needed=True, to_start=True)
        odd += config.warnings
        odd += _oddities(config)
    except OperatorError as error:
        odd += error.warnings if isinstance(error, ConfigError) else ()
        wrong = error
    if wrong is None and is_strict and odd:
        number = len(odd)
        wrong = MistakeError(f"{number} warning{'s' * (number != 1)}, which --strict counts as mistakes")
    warn(*odd)
    if as_json:
        mistakes = [asdict(mistake) for mistake in _mistakes(wrong)]
        file = str(home.config_file)
        put_json({"well": wrong is None, "file": file, "mistakes": mistakes, "warnings": odd}, output)
    if wrong is not None:
        raise wrong
    if not as_json:
        put_lines([f"{home.config_file}: nothing wrong"], output)


def _mistakes(wrong: Exception | None) -> Sequence[Mistake]:
    """For programs. A key file that cannot be used is a mistake in the setting that names it."""
    if isinstance(wrong, ConfigError):
        return wrong.mistakes
    if isinstance(wrong, NodeKeyFileError):
        return (Mistake("node_key_file", "file", wrong.path, "a node key of its owner's alone", str(wrong)),)
    return ()


def _oddities(config: Config) -> Iterator[str]:
    """What a start goes on with, though it was probably not meant so. Raises: ConfigError, for what it does not."""
    from peerage.commands.unresolved_peers import unresolved_peers
    from peerage.supervisors.node.advertised import (
        refusals_by_books,
        unresolved_hosts,
        would_advertise,
        would_advertise_also,
    )

    unresolved = unresolved_hosts(config, "laddr", "external_address")
    if unresolved:
        raise ConfigError(unresolved)
    try:
        own_id = load_node_key(config.node_key_path).node_id
    except NodeKeyMissingError as missing:
        yield str(missing)
    else:
        yield from _ourselves(config, own_id)
    yield from open_to_others(config)
    for _told, why in refusals_by_books(config, (would_advertise(config), *would_advertise_also(config))):
        yield why
    for lines in unresolved_peers(config).values():
        yield from lines


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
    warn_without_file(home)
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
    lists = {
        "p2p.persistent_peers": config.p2p.persistent_peers,
        "p2p.seeds": config.p2p.seeds,
        "peerage.bootstrap_peers": config.peerage.bootstrap_peers,
    }
    for key, texts in lists.items():
        for text in dict.fromkeys(texts):
            if id_in(text) == own_id:
                yield f"{key}: {quoted(text)} is this node itself, and is left out"


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
