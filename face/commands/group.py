"""The group of commands: loads commands late, turns errors into exit codes."""

import errno
import importlib
from collections.abc import Mapping
from typing import Any

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.interrupts import INTERRUPTED, end_by_interrupts, tell_of_interrupts
from peerage.config.errors import OperatorError


class CommandGroup(click.Group):
    """A click group of commands given as "package.module:attribute", each imported when it is asked for.

    Commands may be written with underscores, as in CometBFT: show_node_id.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, as listed in --help."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None if there is none."""
        name = cmd_name.replace("_", "-")
        if name not in self._lazy:
            return super().get_command(ctx, name)
        module, _, attribute = self._lazy[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's. Behind it everything is imported, and Ctrl-C is the command's business."""
        found = super().resolve_command(ctx, args)
        tell_of_interrupts()
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. What the operator or the system did wrong ends as one message and an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            end_by_interrupts()  # the second one shall not find us in here
            click.echo("Aborted!", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except OperatorError as error:
            raise MistakeError(str(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # click knows what to do: the reader of our output went away
                raise
            raise FailureError(str(error)) from error


def underscored(name: str) -> str:
    """Hyphens and underscores are alike in flags: CometBFT itself has both."""
    return name.replace("-", "_")
