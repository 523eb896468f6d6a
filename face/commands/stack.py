"""The command `peerage stack`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from peerage.commands.exit_status import FailureError
from peerage.commands.options import home_option
from peerage.commands.printing import check_output, output_options, put_json, put_lines
from peerage.config.home import Home

if TYPE_CHECKING:
    from peerage.commands.stack_collection import ProcessStacks


@click.command("stack", epilog="Example: peerage stack --home /srv/node")
@home_option
@click.option("--threads", is_flag=True, help="Show where every thread is, too.")
@output_options
def stack(home: Home, output: Path | None, *, as_json: bool, threads: bool) -> None:
    """Say what each actor of a running node is doing, in all its processes, also in those that hang.

    Of each actor that is not idle: the message that it handles and how old that is, the actor whose answer it waits for,
    what waits in its mailbox, and where in the code it is. Run it as the node's user. Exit code 1 if no node runs in
    the home.
    """
    from peerage.commands.debug_dump import processes_of, title_of
    from peerage.commands.stack_collection import collect

    check_output(output)
    missing: list[str] = []
    processes = processes_of(home, missing)
    if not processes:
        raise FailureError(missing[0].partition(": ")[2])
    found = collect(((each.pid, title_of(each)) for each in processes), home.stacks_file)
    if as_json:
        put_json([_as_json(each) for each in found], output)
    else:
        put_lines(_lines(found, threads=threads), output)


def _lines(found: list[ProcessStacks], *, threads: bool) -> Iterator[str]:
    from peerage.commands.stack_collection import actor_lines

    idle = []
    for each in found:
        is_known = each.actors is not None
        if is_known and not each.actors and not threads:
            idle.append(each.title)
            continue
        yield f"==== {each.title} (process {each.pid})"
        yield from actor_lines(each.actors or [])
        if threads or not is_known:
            yield each.threads
    if idle:
        yield f"idle: {', '.join(idle)}"


def _as_json(each: ProcessStacks) -> dict[str, Any]:
    return {"pid": each.pid, "title": each.title, "actors": each.actors, "threads": each.threads}
