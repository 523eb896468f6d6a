"""peerage new-reactor: what it writes works, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import peerage
from peerage.scaffold import Project
from tests.face.command_line import run

# Type checkers do not see the packages of an editable install. The checks install a wheel.
IS_WHEEL = (Path(peerage.__file__).parent / "actors").is_dir()


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("style", ["plain", "async"])
def test_a_new_project_passes_its_own_tests_and_checks(tmp_path: Path, style: str) -> None:
    """With this Python and nothing but what is installed: its tests, with two connected nodes among them, ruff, mypy."""
    written = run("new-reactor", "price_feed", *(["--async"] if style == "async" else []))
    assert written.exit_code == 0, written.output
    project = tmp_path / "price_feed"
    commands = [("pytest", "-q"), ("ruff", "check"), ("ruff", "format", "--check")]
    if IS_WHEEL:
        commands.append(("mypy", "--strict", "--cache-dir", str(tmp_path.parent / "mypy")))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    for process in running:
        told, _ = process.communicate(timeout=100)
        assert process.returncode == 0, told


def test_it_says_what_it_wrote_and_what_is_next() -> None:
    """Each file, and the commands of a newcomer."""
    told = run("new-reactor", "chat", "--channel", "0x71").stdout.splitlines()
    assert told[:-1] == [f"wrote chat/{path}" for path in Project("chat", 0x71).files]
    assert told[-1] == "next: cd chat && pip install -e '.[test]' && pytest"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["json"], 'NAME: found "json", which would hide'),
        (["price-feed"], 'NAME: found "price-feed", allowed'),
        (["chat", "--channel", "0"], "'--channel': found '0', allowed: 1 to 255"),
        (["chat", "--channel", "256"], "'--channel': found '256', allowed: 1 to 255"),
        (["chat", "--channel", "seven"], "'--channel': found 'seven', allowed: 1 to 255"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(tmp_path: Path, arguments: list[str], told: str) -> None:
    """Exit code 2."""
    found = run("new-reactor", *arguments)
    assert found.exit_code == 2
    assert told in found.stderr
    assert found.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_exists_is_left_alone(tmp_path: Path, kind: str) -> None:
    """Whatever it is."""
    target = tmp_path / "chat"
    match kind:
        case "folder":
            target.mkdir()
        case "file":
            target.touch()
        case _:
            target.symlink_to(tmp_path / "nowhere")
    found = run("new-reactor", "chat")
    assert (found.exit_code, found.stderr) == (
        2,
        "Error: NAME: 'chat' exists here already; a new folder is expected\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["chat"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    found = run("new-reactor", "chat")
    assert (found.exit_code, found.stderr) == (
        1,
        "Error: chat cannot be written: No such file or directory\n",
    )
