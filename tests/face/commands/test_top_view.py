"""The screen of `peerage top`, without a terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.segment import Segment

from peerage.commands.top_sample import Sample
from peerage.commands.top_view import HELP, Pane, View
from tests.face.commands.top_answers import EVIL, EVIL_SHOWN, actor, actors, host, peer, peers, refusal

SAMPLE = Sample.of(
    actors(
        hosts=[host("node", 1), host("switch", 2, answered=False)],
        rows=[actor("node"), actor("switch", state="silent", mailbox=7)],
    ),
    peers(
        peer("anna"), peer(EVIL, queues=[{"channel": 1, "queued": 1, "capacity": 2}]), refusals=[refusal()]
    ),
    None,
)


def screen(view: View, sample: Sample | None = SAMPLE) -> list[str]:
    text = "".join(segment.text for segment in view.draw(sample, None))
    return text.split("\n")


def press(view: View, *keys: str) -> View:
    for key in keys:
        assert view.press(key)
    return view


def test_actors_and_peers_share_the_screen() -> None:
    """Actors take no more than they need."""
    lines = screen(View(columns=160, lines=24, title="anna"))
    assert lines[0].startswith("peerage top  anna  1000 peers (990 in, 10 out)")
    assert "no answer: switch" in lines[1]
    assert [line.split()[0] for line in lines[2:8]] == [
        "ACTOR",
        "node",
        "switch",
        "PEER",
        "anna",
        EVIL_SHOWN[:14] + "…",
    ]


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (40, 8), (80, 24), (200, 50)])
@pytest.mark.parametrize("keys", [[], ["2"], ["3", "/", "x"], ["4"], ["?"], [" "]], ids=str)
def test_it_keeps_within_the_screen(size: tuple[int, int], keys: list[str]) -> None:
    """However small: terminals would wrap, and scroll away what is above."""
    view = press(View(columns=size[0], lines=size[1]), *keys)
    for sample in (SAMPLE, None):
        lines = screen(view, sample)
        assert len(lines) <= size[1]
        assert max(map(cell_len, lines)) <= size[0]


def test_keys_choose_what_is_shown() -> None:
    """Actors, peers, both, the refused, help; space stands still, q ends."""
    view = View(columns=160, lines=30)
    assert screen(press(view, "2"))[2].split()[0] == "ACTOR"
    assert screen(press(view, "3"))[2].split()[0] == "PEER"
    assert screen(press(view, "4"))[3].split()[-1].endswith("<b>")
    assert HELP[0] in screen(press(view, "?"))
    assert HELP[0] not in screen(press(view, "esc"))
    assert "paused" in screen(press(view, " "))[1]
    assert press(view, "1", "tab").focus is Pane.ACTORS
    assert not view.press("q")


def test_peers_are_sorted_by_the_node() -> None:
    """Numbers from the highest first; what is asked for is no more than the screen holds."""
    view = press(View(columns=160, lines=24), "3")
    assert view.question == {"sort": "since", "filter": "", "limit": 21}
    press(view, "<", "down")
    assert view.question == {"sort": "-idle", "filter": "", "limit": 22}
    assert press(view, "o").question["sort"] == "idle"
    assert press(view, *[">"] * 40).question["limit"] == 22


def test_actors_are_sorted_here() -> None:
    """After the tree comes the next column."""
    view = press(View(columns=160, lines=24), "2")
    for _ in range(6):
        press(view, ">")
    assert [line.split()[0] for line in screen(view)[3:5]] == ["switch", "node"]
    underlined = [
        segment.text for segment in view.draw(SAMPLE, None) if segment.style and segment.style.underline
    ]
    assert [text.strip() for text in underlined] == ["MAIL"]


def test_a_search_is_typed() -> None:
    """And seen; Enter keeps it, Esc shows all again. Keys mean nothing else meanwhile."""
    view = press(View(columns=160, lines=24), "/", *"ban", "backspace", "q")
    assert screen(view)[1] == "search peers: baq_"
    assert view.question["filter"] == "baq"
    assert press(view, "enter").search is None
    assert screen(view)[1].startswith("peers with 'baq'")
    assert press(view, "esc").question["filter"] == ""
    assert press(view, "/", "x", "esc").question["filter"] == ""
    press(view, "tab", "/", *"switch", "enter")
    assert [line.split()[0] for line in screen(view)[2:5]] == ["ACTOR", "switch", "PEER"]


def test_scrolling_ends_at_the_end() -> None:
    """In both directions."""
    view = press(View(columns=160, lines=24), "2", *["down"] * 5)
    assert screen(view)[3].split()[0] == "switch"
    assert screen(press(view, "up", "up"))[3].split()[0] == "node"
    assert screen(press(view, "pagedown", "home"))[3].split()[0] == "node"


def test_trouble_is_told_instead_of_the_figures() -> None:
    """They stay where they are below it."""
    lines = screen(View(columns=160, lines=24, trouble="the node does not answer"))
    assert lines[1] == "the node does not answer"


def test_it_begins_as_the_command_line_says() -> None:
    """Sorted and searched."""
    assert View.of("-recv_rate", "anna").question["sort"] == "-recv_rate"
    assert View.of("since", "anna").question["filter"] == "anna"


def test_states_are_seen_at_once() -> None:
    """By their colour, beside the word."""
    drawn = View(columns=160, lines=24).draw(SAMPLE, None)
    [style] = [each.style for each in drawn if isinstance(each, Segment) and each.text.startswith("switch")]
    assert style is not None
    assert style.color is not None
