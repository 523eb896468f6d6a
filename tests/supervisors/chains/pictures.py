"""Draws the dashboard of many chains, one of them down: `python -m tests.supervisors.chains.pictures DIRECTORY`.

Writes chains-light-desktop.png, chains-dark-desktop.png, chains-light-phone.png and chains-dark-phone.png, and asks axe-core
about each; exit code 1 when that has a serious finding.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.actors.rpc.dashboard.axe import AxeMissingError
from tests.actors.rpc.dashboard.browser import Browser, BrowserMissingError
from tests.actors.rpc.dashboard.pictures import draw_views
from tests.supervisors.chains.shown_seed import PEERS, STATE, keep_down, rows, shown_seed

CHAINS = ("cosmoshub-4", "osmosis-1", "a-chain.with_a-long-name-17")
COUNT = 6


def draw(directory: Path) -> int:
    """Returns: how many serious findings there are. Raises: AxeMissingError, BrowserMissingError, OSError."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as work:
        window = Browser(Path(work) / "profile")
        with shown_seed(Path(work) / "home", CHAINS, COUNT) as (seed, address), window as page:
            page.open(f"{address}/dashboard/")
            wanted = [f"{COUNT} in, 0 out"] * len(CHAINS)
            page.wait_for(lambda: [row[PEERS] for row in rows(page).values()] == wanted, "all peers")
            keep_down(seed, CHAINS[1])
            page.wait_for(lambda: rows(page)[CHAINS[1]][STATE] == "waiting", "one that is down")
            return draw_views(page, directory, "chains-")


def main() -> int:
    """Draw, look, print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.supervisors.chains.pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directory", type=Path, help="made if it is not there")
    options = parser.parse_args()
    try:
        options.directory.mkdir(parents=True, exist_ok=True)
        return 1 if draw(options.directory) else 0
    except (AxeMissingError, BrowserMissingError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
