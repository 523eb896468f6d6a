"""Generates the page docs/reference/commands.md from what each command's --help says.

python -m peerage.commands.reference > docs/reference/commands.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from peerage.commands.cli import main
from peerage.commands.options import SettingOption

PROGRAM = "peerage"
WIDTH = 100  # characters of a line

_HEADING = """\
# Commands

`python -m peerage.commands.reference` generates this page from `peerage COMMAND --help`.

Commands and flags may be written with underscores or hyphens.
Exit codes: 0 done, 1 failed, 2 a mistake that you can mend; after Ctrl-C 130, after another signal 128 and its number.
Mistakes are told on standard error, a line each.
Ctrl-C ends a command at any moment without a traceback, once Python itself has started.
Until then, some 10 ms and more on a busy machine, what is printed is Python's own, mostly of its module `site`:
of 1,200 signals at random in the first 60 ms 212 met that, and as many beside it with `python -c pass`
([decision 0098](../decisions/0098-ctrl-c-while-python-starts.md)).
`--json` prints data for programs, and `--output FILE` writes what is printed into a file.
What went wrong is then told on standard error and by the exit code all the same.
Commands that only say that they did what they were told have neither.
Spans of time are numbers with units: `250ms`, `90s`, `1h30m`, `12h`, `7d`, `2w`.
Where a command has flags for settings, they are [all of them](config.md), and left out here.
"""


def render_commands() -> str:
    """The text of the page."""
    top = click.Context(
        main, info_name=PROGRAM, max_content_width=WIDTH, terminal_width=WIDTH, **main.context_settings
    )
    return "\n".join([_HEADING, *_of_group(main, top)])


def _of_group(group: click.Group, ctx: click.Context) -> Iterator[str]:
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        inside = click.Context(command, info_name=name, parent=ctx)
        if isinstance(command, click.Group):
            yield from _of_group(command, inside)
        else:
            yield f"## `{inside.command_path}`\n"
            yield f"```text\n{_help(command, inside)}\n```\n"


def _help(command: click.Command, ctx: click.Context) -> str:
    """As --help prints it, without the flags of settings."""
    whole = command.params
    command.params = [param for param in whole if not isinstance(param, SettingOption)]
    try:
        lines = command.get_help(ctx).splitlines()
    finally:
        command.params = whole
    if any(isinstance(param, SettingOption) for param in whole):
        example = next(number for number, line in enumerate(lines) if line.startswith("  Example: "))
        lines[example:example] = ["  and a flag for each setting", ""]
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    sys.stdout.write(render_commands())
