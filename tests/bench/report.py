"""The table of docs/performance.md, written by the program that measured it."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tests.bench.works import Row
from tests.interop.gobuild import DEFAULT_VERSION

BEGIN, END = "<!-- table: written by python -m tests.bench --write -->", "<!-- end of the table -->"


def update_table(page: Path, rows: Sequence[Row], flags: str) -> None:
    """Replace what stands between the two marks. Raises: ValueError when they are not there."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page}: want {BEGIN} and {END}")
    lines = [
        "| work | unit | peerage | beside | it does | ratio | least | largest |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
        *("| " + " | ".join(row.cells()) + " |" for row in rows),
    ]
    today = dt.datetime.now(dt.UTC).date().isoformat()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "pyzmq"))
    made = (
        f"Measured on {today} with `{flags}`: {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, {libraries}, CometBFT {DEFAULT_VERSION}."
    )
    page.write_text(f"{before}{BEGIN}\n\n" + "\n".join(lines) + f"\n\n{made}\n\n{END}{after}")
