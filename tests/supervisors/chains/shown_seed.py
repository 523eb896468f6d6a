"""A seed of some chains whose dashboard is looked at: with peers, so that there is something to see."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.actors.rpc.dashboard.browser import Browser
from tests.bench.blocking_peer import BlockingPeer
from tests.chaos.many_chains import RunningSeed
from tests.interop.cometnode import free_port

CHAINS = ("alpha-1", "beta.test_9000-2")
STATE, WHY, PEERS, RESTARTS = 0, 1, 3, 9  # of the columns behind the name
STATES = """
return Object.fromEntries([...document.querySelectorAll("#chains-table tbody tr")].map(
  (row) => [row.children[0].textContent, [...row.children].slice(1).map((cell) => cell.textContent)]))
"""


@contextmanager
def shown_seed(
    home: Path, chains: Sequence[str] = CHAINS, peers: int = 1
) -> Iterator[tuple[RunningSeed, str]]:
    """One whose chains have so many peers each. Gives it, and where its dashboard is."""
    address = f"127.0.0.1:{free_port()}"
    with (
        RunningSeed(home, chains, arguments=["--dashboard-at", address]) as seed,
        contextlib.ExitStack() as stack,
    ):
        for chain in chains:
            for number in range(peers):
                peer = BlockingPeer(seed.address(chain), 10.0, moniker=f"<b>{chain}</b> {number}")
                stack.enter_context(peer)
        yield seed, f"http://{address}"


def rows(page: Browser) -> dict[str, list[str]]:
    """What the table says of each chain."""
    found: dict[str, list[str]] = page.run(STATES)
    return found


def keep_down(seed: RunningSeed, chain: str) -> Callable[[], None]:
    """Kill all processes of a chain, which cannot be started again until what is returned is called."""
    config = seed.home / "chains" / chain / "config" / "config.toml"
    text = config.read_text()
    config.write_text("no configuration")
    seed.kill(chain)

    def come_back() -> None:
        config.write_text(text)
        os.kill(seed.pid, signal.SIGHUP)  # which starts it at once

    return come_back
