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
