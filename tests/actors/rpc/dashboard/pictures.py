"""A busy node's dashboard, drawn and looked at by axe-core: `python -m tests.actors.rpc.dashboard.pictures DIRECTORY`.

Light and dark, on a phone and on a desk. Exit code 1 when axe has a serious finding. The node has a hundred peers, some of
which talk, and is left alone for a while, so that there are rates to be plotted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.actors.rpc.dashboard.axe import AxeMissingError, axe_script, findings, serious
from tests.actors.rpc.dashboard.browser import Browser, BrowserMissingError
from tests.actors.rpc.dashboard.busy import PEERS, busy_node
from tests.actors.rpc.dashboard.views import VIEWS, change, look


def draw(directory: Path, secs: float) -> int:
    """Returns: how many serious findings there are. Raises: AxeMissingError, BrowserMissingError, OSError."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as work:
        window = Browser(Path(work) / "profile")
        with busy_node(Path(work) / "home") as node, window as page:
            look(page, node, PEERS)
            time.sleep(secs)
            return draw_views(page, directory)


def draw_views(page: Browser, directory: Path, prefix: str = "") -> int:
    """Draw the page that is open in all ways. Returns: how many serious findings of axe-core there are."""
    script, count = axe_script(), 0
    for view in VIEWS:
        change(page, view)
        name = f"{prefix}{view.name}.png"
        page.screenshot(directory / name)
        found = findings(page, script)
        bad = serious(found)
        print(f"{name}: {len(found)} findings of axe-core, {len(bad)} serious", *bad, sep="\n  ")
        count += len(bad)
    return count


def main() -> int:
    """Draw, look, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.actors.rpc.dashboard.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, help="made if it is not there")
    parser.add_argument("--secs", type=float, default=40.0, help="how long rates are measured before")
    options = parser.parse_args()
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        return 1 if draw(options.directory, options.secs) else 0
    except (AxeMissingError, BrowserMissingError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
