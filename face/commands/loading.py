"""Loads the configuration for a command, and prints its warnings to standard error."""

from collections.abc import Mapping

import click

from peerage.config.config import Config
from peerage.config.errors import ConfigError
from peerage.config.home import Home


def load_config(
    home: Home, flags: Mapping[str, str] | None = None, *, file_needed: bool = False, to_start: bool = False
) -> Config:
    """Load the configuration with Config.load, and print its warnings. Raises: ConfigError."""
    try:
        config = Config.load(home, flags, file_needed=file_needed, to_start=to_start)
    except ConfigError as error:
        warn(*error.warnings)
        raise
    warn(*config.warnings)
    return config


def warn(*warnings: str) -> None:
    """Print warnings, one line each."""
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


def warn_without_file(home: Home) -> None:
    """For a command that shows what the settings are: all of them are defaults where the home is not one."""
    if not home.config_file.exists():
        warn(f"{home.config_file}: no such file, `peerage init` writes one")
