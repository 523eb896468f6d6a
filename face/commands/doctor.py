"""The command `peerage doctor`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from peerage.commands.exit_status import FAILURE
from peerage.commands.options import home_option
from peerage.commands.printing import output_options, put_json, put_lines
from peerage.config.home import Home

if TYPE_CHECKING:
    from peerage.commands.health_checks import Finding


@click.command("doctor", epilog="Example: peerage doctor --home /srv/node")
@home_option
@output_options
@click.pass_context
def doctor(ctx: click.Context, home: Home, output: Path | None, *, as_json: bool) -> None:
    """Look for what keeps a node from running well, and say what to do about each.

    Settings, key, file modes, limits on descriptors, processes and memory, disk, clock, ports, the address that peers are
    told, and what killed nodes have left. Changes nothing. Exit code 0 if all is well, 1 if something needs doing.
    """
    from peerage.commands.health_checks import examine

    found = list(examine(home))
    is_well = not any(finding.remedy for finding in found)
    if as_json:
        put_json({"well": is_well, "findings": [asdict(finding) for finding in found]}, output)
    else:
        put_lines(_lines(found), output)
    if not is_well:
        ctx.exit(FAILURE)


def _lines(found: Sequence[Finding]) -> Iterator[str]:
    for finding in found:
        yield f"{'DO' if finding.remedy else 'ok':<3} {finding.check:<12} {finding.found}"
        if finding.remedy:
            yield f"{'':<17}-> {finding.remedy}"
    to_do = sum(bool(finding.remedy) for finding in found)
    yield f"{to_do} thing{'s' * (to_do != 1)} to do" if to_do else "all is well"
