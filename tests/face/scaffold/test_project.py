"""What a new project is made of; test_new_reactor.py runs one."""

from __future__ import annotations

import tomllib
from pathlib import Path, PurePath
from typing import Any

import pytest

from peerage.config.release import VERSION
from peerage.scaffold import Project, write_project


def test_the_name_is_everywhere_in_the_form_that_belongs_there() -> None:
    """The package, its class, its reactor, the entry point; and nothing is left to be filled in."""
    texts = Project("price_feed", 0x71).files
    assert set(texts) == {
        PurePath(".gitignore"),
        PurePath("README.md"),
        PurePath("pyproject.toml"),
        *(
            PurePath("src/price_feed", name)
            for name in (
                "__init__.py",
                "messages.proto",
                "messages_pb2.py",
                "messages_pb2.pyi",
                "py.typed",
                "reactor.py",
            )
        ),
        PurePath("tests/test_reactor.py"),
    }
    assert not any("${" in text or "peerage.scaffold" in text for text in texts.values())
    reactor = texts[PurePath("src/price_feed/reactor.py")]
    assert "CHANNEL = 0x71 " in reactor
    assert "class PriceFeedReactor(Reactor):" in reactor
    project = tomllib.loads(texts[PurePath("pyproject.toml")])["project"]
    assert project["entry-points"]["peerage.reactors"] == {"price_feed": "price_feed:PriceFeedReactor"}
    assert f"peerage>={VERSION}" in project["dependencies"]


def test_a_folder_is_written_whole(tmp_path: Path) -> None:
    """Or not at all: what a full disk cut short is gone again."""
    project = Project("chat", 0x70)
    written = write_project(tmp_path / "chat", project)
    assert {path: (tmp_path / "chat" / path).read_text() for path in written} == project.files
    with pytest.raises(OSError, match="not empty"):
        write_project(tmp_path / "chat", project)
    assert [path.name for path in tmp_path.iterdir()] == ["chat"]


def test_what_cannot_be_written_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full after the first file."""
    write_text = Path.write_text
    written: list[Path] = []

    def write(path: Path, *args: Any, **kwargs: Any) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", write)
    with pytest.raises(OSError, match="No space"):
        write_project(tmp_path / "chat", Project("chat", 0x70))
    assert list(tmp_path.iterdir()) == []


def test_the_styles_differ_in_the_reactor_alone() -> None:
    """Plain functions, or coroutines; the same protocol, so the same tests."""
    plain, asynchronous = Project("chat", 0x70).files, Project("chat", 0x70, is_async=True).files
    differing = {path for path in plain if plain[path] != asynchronous.get(path)}
    assert differing == {PurePath("src/chat/reactor.py")}
    assert plain.keys() == asynchronous.keys()
    assert "async def receive" in asynchronous[PurePath("src/chat/reactor.py")]
    assert "async def" not in plain[PurePath("src/chat/reactor.py")]
