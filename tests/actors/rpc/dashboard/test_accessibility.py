"""Who cannot see well, or has a phone only, can use the dashboard. `pictures.py` looks at a busier node, and in all ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.actors.rpc.dashboard.axe import AxeMissingError, axe_script, findings, serious
from tests.actors.rpc.dashboard.browser import Browser
from tests.actors.rpc.dashboard.busy import busy_node
from tests.actors.rpc.dashboard.views import VIEWS, View, change, look

pytestmark = pytest.mark.browser
PEERS = 12  # axe-core looks at each cell
LOOKED_AT = [view for view in VIEWS if view.name in {"light-desktop", "dark-phone"}]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Browser]:
    """The dashboard of a node with peers."""
    with busy_node(tmp_path_factory.mktemp("busy") / "home", PEERS, peer_hosts=1) as node:
        look(browser, node, PEERS)
        yield browser


@pytest.fixture(scope="module")
def script() -> str:
    try:
        return axe_script()
    except AxeMissingError as error:
        pytest.fail(str(error), pytrace=False)


@pytest.mark.parametrize("view", LOOKED_AT, ids=[view.name for view in LOOKED_AT])
def test_axe_finds_nothing_serious(script: str, page: Browser, view: View) -> None:
    """Contrast, names of what can be used, order of headings, what a screen reader is told."""
    change(page, view)
    assert serious(findings(page, script)) == []


def test_many_of_a_kind_are_one_row_below_their_host(page: Browser) -> None:
    """A thousand peers would hide the tree of supervisors; they have a table of their own."""
    actors = page.run(
        "return [...document.querySelectorAll('#actors-table tbody th')].map((each) => each.textContent)"
    )
    assert [name for name in actors if name.startswith("peer ")] == []
    host = actors.index("peers-0")
    assert actors[host + 1] == f"PeerActor \N{MULTIPLICATION SIGN} {PEERS}"
