"""Prints what a command has found: a text for people or JSON for programs, to standard output or into a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from peerage.commands.exit_status import MistakeError
from peerage.commands.written import write_text

F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["age", "check_output", "output_options", "print_line", "put_json", "put_lines", "rate"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def output_options(function: F) -> F:
    """Adds --json and --output; the command gets them as `as_json` and `output`, a path or None."""
    function = click.option(
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write to a file instead of standard output.",
    )(function)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def put_lines(lines: Iterable[str], output: Path | None) -> None:
    """Print lines, or write them to a file. Raises: FailureError; MistakeError, the file's directory is none."""
    text = "".join(f"{line}\n" for line in lines)
    if output is None:
        click.echo(text, nl=False)
        return
    check_output(output)
    write_text(output, lambda file: file.write(text))


def check_output(output: Path | None) -> None:
    """For a command that works long: say before that its file cannot be. Raises: MistakeError."""
    if output is not None and not output.parent.is_dir():
        raise MistakeError(f"--output: found {str(output)!r}, and {output.parent} is no directory")


def put_json(value: Any, output: Path | None) -> None:
    """As `put_lines`, of a value."""
    put_lines([json.dumps(value, indent=2, ensure_ascii=True)], output)


def print_line(line: str) -> None:
    """Print a line that perhaps nobody can take: the reader is gone, or the disk is full. That must not end the node."""
    try:
        click.echo(line)
    except OSError:
        # So that flushing the rest of the line at exit does no harm.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def age(seconds: float) -> str:
    """A span of time in its two largest units: 12s, 3m05s, 2h10m, 5d03h."""
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def rate(per_second: float) -> str:
    """Bytes a second in three digits or four: 17 B/s, 1.2 kB/s, 5.1 MB/s."""
    for unit in ("B/s", "kB/s", "MB/s"):
        if per_second < 1000:
            return f"{per_second:.0f} {unit}" if unit == "B/s" else f"{per_second:.1f} {unit}"
        per_second /= 1000
    return f"{per_second:.1f} GB/s"
