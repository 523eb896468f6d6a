"""A network map as one page: whole, harmless, and of use in a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from peerage.commands.geography import NOWHERE, Location, Locations
from peerage.commands.network_page import write_page
from tests.actors.discovery.nodes import address, node_id
from tests.actors.rpc.dashboard.axe import AxeMissingError, axe_script, findings, serious
from tests.actors.rpc.dashboard.browser import Browser
from tests.actors.rpc.dashboard.conftest import browser
from tests.face.commands.networks import network_map, written

__all__ = ["browser"]  # the fixture

NASTY = "</td><script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">&\x1b\u202e"


def page(answered: int, absent: int = 0, *, text: str = "node", locations: Locations = NOWHERE) -> str:
    found = network_map(answered, absent, text=text)
    return written(lambda each, file: write_page(each, file, locations), found)


class Outline(HTMLParser):
    """Attributes: elements, by name; addresses that a browser would fetch; texts of cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.cells: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in {"src", "href", "xlink:href"}]
        self.handlers += [name for name, _value in attrs if name.startswith("on")]
        if tag == "td":
            self.cells.append("")

            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "td"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.cells[-1] += data


def test_it_has_the_summary_the_picture_and_every_node() -> None:
    """Those that answered first, the best known of them on top."""
    text = page(3, 2)
    outline = Outline(text)
    assert outline.elements.count("svg") == 1
    assert outline.elements.count("tr") == 1 + 5
    assert "<dt>answered</dt><dd>3</dd>" in text
    assert "<dt>unreachable</dt><dd>2</dd>" in text
    addresses = [cell for cell in outline.cells if "@" in cell]
    assert {each.partition("@")[0] for each in addresses} == {node_id(number) for number in range(5)}
    assert f"{node_id(0)}@{address(0).dial_string}" in addresses
    assert [cell for cell in outline.cells if cell.startswith(("answered", "unreachable"))] == [
        *["answered"] * 3,
        *["unreachable: no"] * 2,
    ]


def test_it_asks_for_nothing_else() -> None:
    """No address is in it that a browser would fetch, and the policy allows none."""
    text = page(3, 2)
    assert Outline(text).fetched == []
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
    assert "url(" not in text


def test_what_nodes_say_is_text() -> None:
    """In titles, cells, counts and picture; so is what a file says of where they are."""
    where = {node_id(0): Location("DE", NASTY, 1.0, 2.0, 64496, NASTY)}
    clean, nasty = Outline(page(3, 1, locations=where)), Outline(page(3, 1, text=NASTY, locations=where))
    assert (nasty.elements.count("script"), nasty.elements.count("img"), nasty.handlers) == (1, 0, [])
    assert sorted(nasty.elements) == sorted(clean.elements)
    assert "\x1b" not in page(1, text=NASTY)


def test_where_nodes_are_is_there_if_it_is_known() -> None:
    text = page(2, 1, locations={node_id(0): Location("DE", "Berlin", 52.5, 13.25, 64496, "Example Net")})
    assert "Country</th>" in text
    assert "AS64496" in text
    assert 'title="Example Net"' in text
    assert "Country</th>" not in page(2, 1)


@pytest.mark.parametrize("nodes", [0, 1, 200])
def test_a_network_of_any_size_is_a_page(nodes: int) -> None:
    assert Outline(page(nodes)).elements.count("tr") == 1 + nodes


# --- in a browser ---


def shown(browser: Browser) -> list[str]:
    """The IDs of the rows that are seen, from the top."""
    script = (
        "return [...document.querySelectorAll('#nodes tbody tr')]"
        ".filter(e => !e.hidden).map(e => e.lastChild.textContent)"
    )
    rows: list[str] = browser.run(script)
    return [row.partition("@")[0] for row in rows]


@pytest.mark.browser
@pytest.mark.timeout(120)
def test_a_browser_sorts_filters_and_runs_nothing_of_the_network(tmp_path: Path, browser: Browser) -> None:
    """By a click on a column's head; without a complaint in its log."""
    file = tmp_path / "net.html"
    file.write_text(page(6, 2, text=NASTY))
    browser.open(file.as_uri())
    assert "hit" not in browser.run("return document.title.slice(0, 3)")
    assert len(shown(browser)) == 8
    browser.run("[...document.querySelectorAll('#nodes th button')].at(-1).click()")
    assert shown(browser) == [node_id(number) for number in range(8)]
    assert browser.run("return document.querySelectorAll('#nodes th')[6].ariaSort") == "ascending"
    browser.run("[...document.querySelectorAll('#nodes th button')].at(-1).click()")
    assert shown(browser) == [node_id(number) for number in reversed(range(8))]
    script = "const e = document.querySelector('input'); e.value = arguments[0]; e.dispatchEvent(new Event('input'))"
    browser.run(script, node_id(3))
    assert shown(browser) == [node_id(3)]
    assert browser.text("output") == "1 of 8"
    assert browser.complaints() == []


@pytest.mark.browser
@pytest.mark.timeout(120)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(tmp_path: Path, browser: Browser, theme: str) -> None:
    """Contrast, names, order of headings, in both themes."""
    try:
        script = axe_script()
    except AxeMissingError as error:
        pytest.fail(str(error), pytrace=False)
    file = tmp_path / "net.html"
    where = {node_id(number): Location("DE", "Berlin", 1.0, 2.0, 64496, "Net") for number in range(4)}
    file.write_text(page(4, 2, locations=where))
    browser.prefer(theme)
    browser.open(file.as_uri())
    assert serious(findings(browser, script)) == []
