"""The group of all commands: imports each command only when it is needed, and turns errors into exit codes.

A wrong command line is told in one line, which names what was typed, what it was probably meant to be, and where help is.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.interrupts import INTERRUPTED, end_by_interrupts, tell_of_interrupts
from peerage.config.errors import OperatorError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_HELP = frozenset({"--help", "-h"})
_WHOLE_SENTENCE = 1000  # characters; click's own lists break off at the end of the line


class LazyCommand(NamedTuple):
    """A command that is not imported yet.

    Attributes: path, `package.module:attribute`; help, for the group's --help; needs, modules that it imports when it runs,
    and that its --help and the shell's completion can do without.
    """

    path: str
    help: str
    needs: tuple[str, ...] = ()


class SubcommandGroup(click.Group):
    """A click group that knows what a mistyped command was probably meant to be, and lists commands by whole sentences."""

    def _listed(self) -> list[click.Command]:
        """What --help lists, in order."""
        return list(self.commands.values())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(str(each.name), each.get_short_help_str(_WHOLE_SENTENCE)) for each in self._listed()]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's. Raises: UsageError."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command '{name}'.{_suggestion(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


class CommandGroup(SubcommandGroup):
    """A click group of commands each of which is imported when it is called.

    Commands may be written with underscores, as in CometBFT: show_node_id.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of --help."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None if there is none."""
        name = cmd_name.replace("_", "-")
        if name not in self._lazy:
            return super().get_command(ctx, name)
        module, _, attribute = self._lazy[name].path.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands that begin so, and the options in front of them; nothing is imported for it."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(stub.name, help=stub.get_short_help_str())
            for stub in self._listed()
            if str(stub.name).startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def _listed(self) -> list[click.Command]:
        """Stubs of those that are not imported yet."""
        lazy = [click.Command(name, help=lazy.help) for name, lazy in self._lazy.items()]
        return [*lazy, *self.commands.values()]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Like click's. When it returns, everything is imported: from then on Ctrl-C is the command's, and the garbage
        collector may look at what there is.
        """
        found = super().resolve_command(ctx, args)
        if ctx.resilient_parsing:  # the shell completes
            return found
        if _HELP.isdisjoint(args):
            for module in self._needs(found[0]):
                importlib.import_module(module)
        tell_of_interrupts()
        if not gc.isenabled():
            gc.freeze()  # else it would begin with all that was imported
            gc.enable()
        return found

    def _needs(self, name: str | None) -> tuple[str, ...]:
        lazy = self._lazy.get((name or "").replace("_", "-"))
        return () if lazy is None else lazy.needs

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read what is in front of the command. A mistake in it is a MistakeError of one line."""
        with _wrong_usage_in_one_line(), _errors_of_the_system_in_one_line():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Errors of the operator or the system end as a single message and an exit code."""
        try:
            with _wrong_usage_in_one_line(), _errors_of_the_system_in_one_line():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            end_by_interrupts()  # a second Ctrl-C must not hit us in here
            click.echo("Aborted!", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except OperatorError as error:
            raise MistakeError(str(error)) from error


@contextmanager
def _errors_of_the_system_in_one_line() -> Iterator[None]:
    """Such as a disk that is full. Raises: FailureError; OSError, nobody reads: `peerage.__main__` ends the program."""
    try:
        yield
    except OSError as error:
        from peerage.commands.lost_output import STANDARD_OUTPUT, give_up_output, is_full, is_lost

        if is_lost(error):
            raise
        if is_full(error):
            give_up_output(STANDARD_OUTPUT)
            raise FailureError(f"standard output cannot be written: {error.strerror}") from error
        raise FailureError(str(error)) from error


@contextmanager
def _wrong_usage_in_one_line() -> Iterator[None]:
    """Instead of click's four: the usage, a hint and the error, with an empty line between. Raises: MistakeError."""
    try:
        yield
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it shows the help; click has it since 8.2
            raise
        where = "" if error.ctx is None else f"; see {error.ctx.command_path} --help"
        raise MistakeError(" ".join(error.format_message().split()).rstrip(".") + where) from error


def _suggestion(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # only a mistake pays for it

    close = get_close_matches(name.replace("_", "-"), known, n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def underscored(name: str) -> str:
    """Treat hyphens and underscores in flags alike, because CometBFT itself has both."""
    return name.replace("-", "_")
