"""How the dashboard is looked at: in both themes, on a phone and on a desk."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap

from tests.actors.rpc.dashboard.browser import Browser
from tests.chaos.started_node import StartedNode


@dataclass(frozen=True, slots=True)
class View:
    """A reader's screen."""

    theme: str
    device: str
    width: int
    height: int

    @property
    def name(self) -> str:
        """Of its picture."""
        return f"{self.theme}-{self.device}"


VIEWS = tuple(
    starmap(
        View,
        (
            ("light", "desktop", 1440, 900),
            ("dark", "desktop", 1440, 900),
            ("light", "phone", 390, 844),
            ("dark", "phone", 390, 844),
        ),
    )
)


def look(page: Browser, node: StartedNode, peers: int) -> None:
    """Open the dashboard, and wait until all of it is there."""
    page.open(f"{node.rpc}/dashboard/")
    page.wait_for(lambda: page.text("#state") == "live", "live")
    page.wait_for(lambda: page.text("#peer-count").startswith(f"{peers} "), "the peers")
    page.wait_for(lambda: page.text("#groups-table tbody") and page.text("#identity"), "the address book")


def change(page: Browser, view: View) -> None:
    """Look at the page that is open in another way."""
    page.prefer(view.theme)
    page.resize(view.width, view.height)
