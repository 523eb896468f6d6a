"""The command `peerage completion`."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from peerage.commands.printing import put_lines

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_PEERAGE_COMPLETE"  # click reads it: the program's name


@click.command(
    "completion",
    epilog="Example: peerage completion bash --output ~/.local/share/bash-completion/completions/peerage",
)
@click.argument("shell", type=click.Choice(SHELLS), metavar="bash|zsh|fish")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to a file instead of standard output.",
)
def completion(shell: str, output: Path | None) -> None:
    """Print what makes a shell complete commands, options, settings, and the peers of a running node.

    For good: bash, as ~/.local/share/bash-completion/completions/peerage; zsh, as _peerage in a folder of $fpath; fish, as
    ~/.config/fish/completions/peerage.fish.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    writer = kind(click.Command("peerage"), {}, "peerage", VARIABLE)
    # click's own `source` starts bash to ask for its version, and is about to be read by a bash
    put_lines((writer.source_template % writer.source_vars()).strip().splitlines(), output)
