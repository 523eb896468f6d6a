"""Loading the configuration for a command: warnings go to standard error."""

from collections.abc import Mapping

import click

from peerage.config.config import Config
from peerage.config.errors import ConfigError
from peerage.config.home import Home


def load_config(
    home: Home, flags: Mapping[str, str] | None = None, *, file_needed: bool = False, to_start: bool = False
) -> Config:
    """What Config.load gives; what it warns about has been printed. Raises: ConfigError."""
    try:
        config = Config.load(home, flags, file_needed=file_needed, to_start=to_start)
    except ConfigError as error:
        warn(*error.warnings)
        raise
    warn(*config.warnings)
    return config


def warn(*warnings: str) -> None:
    """Print warnings, a line each."""
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
