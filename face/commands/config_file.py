"""The commands `peerage config get`, `set`, `diff` and `migrate`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import load_config, warn, warn_without_file
from peerage.commands.options import SettingName, home_option
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.commands.written import write_text
from peerage.config.config import Config
from peerage.config.errors import ConfigError, Mistake, UnfitValueError
from peerage.config.home import Home
from peerage.config.home_lock import holder_of
from peerage.config.new_file import write_new_file
from peerage.config.quoting import shown
from peerage.config.sections import SETTINGS
from peerage.config.setting import Setting
from peerage.config.small_file import read_small_file
from peerage.config.toml_file import SIZE_LIMIT

BACKUP = "config.toml.before-migrate"


@click.command("get", epilog="Example: peerage config get p2p.laddr")
@home_option
@click.argument("setting", type=SettingName(), metavar="KEY")
@output_options
def get(home: Home, setting: Setting[Any], output: Path | None, *, as_json: bool) -> None:
    """Print the effective value of one setting, as a flag would have it."""
    config = load_config(home)
    warn_without_file(home)
    value = config.value_of(setting)
    if as_json:
        put_json({"setting": setting.name, "value": value, "source": config.source_of(setting.name)}, output)
    else:
        put_lines([_as_text(setting, value)], output)


@click.command("set", epilog="Example: peerage config set p2p.seeds 00…ff@seed.example.org:26656")
@home_option
@click.argument("setting", type=SettingName(), metavar="KEY")
@click.argument("value", metavar="VALUE")
def set_(home: Home, setting: Setting[Any], value: str) -> None:
    """Write a setting into config.toml; comments and everything else in it stay as they are.

    A value that the setting cannot have, or with which no node would start, is refused. A running node follows after
    `peerage reload`.
    """
    from peerage.config.changed_file import UneditableError, with_value

    path = home.config_file
    text = _read(home)
    try:
        new = with_value(text, setting, value)
    except UnfitValueError as error:
        mistake = Mistake(setting.name, "argument", shown(error.found), error.allowed, error.reason)
        raise ConfigError([mistake]) from error
    except UneditableError as error:
        raise MistakeError(f"{path}: cannot be changed by a command: {error}; edit it by hand") from error
    if mistakes := setting.start_mistakes(setting.from_text(value), "argument"):
        raise ConfigError(mistakes)
    if new == text:
        click.echo(f"{setting.name} had this value in {path}")
    else:
        write_text(path, lambda file: file.write(new))
        click.echo(f"{setting.name} = {_toml(setting, setting.from_text(value))}, in {path}")
    for variable in setting.variables:
        if os.environ.get(variable):
            warn(f"environment {variable} is set, and counts before the file")
    if new != text and holder_of(home) is not None:
        click.echo(f"`peerage reload --home {home}` makes the running node follow", err=True)


@click.command("diff", epilog="Example: peerage config diff --home /srv/node")
@home_option
@output_options
def diff(home: Home, output: Path | None, *, as_json: bool) -> None:
    """Show the settings that differ from the defaults, with both values and where each is set."""
    config = load_config(home)
    warn_without_file(home)
    differing = [s for s in SETTINGS if config.value_of(s) != s.default]
    if as_json:
        put_json(
            [
                {
                    "setting": setting.name,
                    "value": config.value_of(setting),
                    "default": setting.default,
                    "source": config.source_of(setting.name),
                }
                for setting in differing
            ],
            output,
        )
    else:
        put_lines(_differences(config, differing), output)


@click.command("migrate", epilog="Example: peerage config migrate --home ~/.gaia --dry-run")
@home_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, and leave the file as it is.")
@output_options
def migrate(home: Home, output: Path | None, *, as_json: bool, dry_run: bool) -> None:
    """Give a config.toml of CometBFT v0.34 to v0.40, or of Tendermint, today's names.

    Names with hyphens and old ones are changed, keys that no version has any more become comments, and each change is told.
    What CometBFT has and peerage does not stays. The file as it was is kept beside it, as config.toml.before-migrate.
    """
    from peerage.config.changed_file import UneditableError, migrated

    path, text = home.config_file, _read(home)
    try:
        done = migrated(text)
    except (UneditableError, UnfitValueError) as error:
        raise MistakeError(f"{path}: cannot be migrated: {error}; edit it by hand") from error
    is_changed = done.text != text
    if is_changed and not dry_run:
        _keep(path, text)
        write_text(path, lambda file: file.write(done.text))
    if as_json:
        put_json({"file": str(path), "changes": done.told, "left": done.left}, output)
        return
    lines = [*done.told] if is_changed else [f"{path}: nothing to migrate"]
    if done.left:
        lines.append(f"left as they are, of CometBFT: {', '.join(f'[{name}]' for name in done.left)}")
    put_lines(lines, output)
    if is_changed and not dry_run:
        click.echo(f"{path} is changed; as it was: {path.with_name(BACKUP)}", err=True)


def _read(home: Home) -> str:
    """The text of config.toml. Raises: MistakeError."""
    path = home.config_file
    try:
        content, _ = read_small_file(path, SIZE_LIMIT)
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise MistakeError(f"{path}: no such file; `peerage init --home {home}` writes one") from None
    except UnfitValueError as error:
        raise MistakeError(f"{path}: found {error.found}, expected {error.allowed}") from error
    except UnicodeDecodeError as error:
        raise MistakeError(
            f"{path}: found a byte that is not UTF-8 at {error.start}, expected TOML"
        ) from error
    except OSError as error:
        raise FailureError(f"{path} cannot be read: {error.strerror or error}") from error


def _keep(path: Path, text: str) -> None:
    """Keep the file as it was, unless an earlier one is kept that differs. Raises: MistakeError."""
    backup = path.with_name(BACKUP)
    try:
        if write_new_file(backup, text.encode(), path.stat().st_mode & 0o777):
            return
    except OSError as error:
        raise FailureError(f"{backup} cannot be written: {error.strerror or error}") from error
    raise MistakeError(f"{backup} exists already, and is not overwritten; move it away first")


def _differences(config: Config, settings: list[Setting[Any]]) -> Iterator[str]:
    for setting in settings:
        value = _toml(setting, config.value_of(setting))
        yield f"{setting.name} = {value}  # default {setting.default_toml}; {config.source_of(setting.name)}"
    if not settings:
        yield "# every setting has its default"


def _toml(setting: Setting[Any], value: Any) -> str:
    return setting.declared.kind.to_toml(value)


def _as_text(setting: Setting[Any], value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ",".join(value)
    return _toml(setting, value).strip('"')
