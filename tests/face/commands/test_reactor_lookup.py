"""Reactors by the path of their class, and by the names that installed packages give them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from peerage.commands.exit_status import MistakeError
from peerage.commands.reactor_lookup import look_up
from tests.face.command_line import run
from tests.nodes import EchoReactor, SinkReactor


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, two of which offer reactors."""
    offers = {
        "feeds": (
            "price_feed = tests.nodes:EchoReactor",
            "torn = tests.nodes:Nobody",
            "same = tests.nodes:EchoReactor",
        ),
        "others": ("gone = tests.nowhere:A", "odd = tests.nodes:StartNode", "same = tests.nodes:SinkReactor"),
    }
    for name, lines in offers.items():
        folder = tmp_path / f"{name}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (folder / "entry_points.txt").write_text("\n".join(["[peerage.reactors]", *lines]))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def test_a_reactor_is_called_as_its_class_its_entry_point_or_as_it_is_told(installed: Path) -> None:
    """In capitals, unless it is told."""
    assert look_up("tests.nodes:EchoReactor") == ("ECHOREACTOR", EchoReactor)
    assert look_up("Sink=tests.nodes:SinkReactor") == ("Sink", SinkReactor)
    assert look_up("price_feed") == ("PRICE_FEED", EchoReactor)
    assert look_up("Feed=price_feed") == ("Feed", EchoReactor)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("tests.nowhere:A", "module 'tests.nowhere' cannot be imported: No module named 'tests.nowhere'"),
        ("tests.nodes:Nobody", "'Nobody' is not there"),
        ("tests.nodes:StartNode", "'StartNode' is no class derived from peerage.Reactor"),
        (
            "price",
            r"no installed package .*there are: gone, odd, price_feed, same, torn\); one of these, or package",
        ),
        ("F=gone", "tests.nowhere:A of others 1.2 cannot be imported: No module named 'tests.nowhere'"),
        ("torn", "tests.nodes:Nobody of feeds 1.2 cannot be imported: AttributeError: "),
        ("odd", "tests.nodes:StartNode of others 1.2 is no class derived from peerage.Reactor"),
        (
            "same",
            "several packages .*: tests.nodes:EchoReactor of feeds 1.2, tests.nodes:SinkReactor of others 1.2",
        ),
    ],
)
def test_one_that_cannot_be_found_is_named_in_a_line(installed: Path, spec: str, told: str) -> None:
    """With what was wrong, and what there is."""
    with pytest.raises(MistakeError, match=f"^reactor '{spec}': {told}") as raised:
        look_up(spec)
    assert "\n" not in raised.value.message


def test_the_reactor_of_a_new_project_is_found_by_the_projects_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pip installs it; here its source and what it declares are put on the path."""
    monkeypatch.chdir(tmp_path)
    assert run("new-reactor", "found_by_name").exit_code == 0
    source = tmp_path / "found_by_name" / "src"
    folder = source / "found_by_name-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: found_by_name\nVersion: 0.1.0\n")
    text = (tmp_path / "found_by_name" / "pyproject.toml").read_text()
    line = next(each for each in text.splitlines() if each.startswith("found_by_name ="))
    (folder / "entry_points.txt").write_text(f"[peerage.reactors]\n{line.replace(chr(34), '')}\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(source)])
    name, found = look_up("found_by_name")
    assert (name, found.__name__) == ("FOUND_BY_NAME", "FoundByNameReactor")
    assert [descriptor.id for descriptor in found.channels] == [0x70]
