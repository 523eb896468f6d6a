"""The examples of Pykka's documentation run on this runtime: only their import line is another."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from peerage.actors.runtime import ActorRegistry, ProcessActor, as_pykka

EXAMPLES = Path(__file__).parent / "pykka_examples"

EXPECTED = {
    # Printed by several processes: each line counts, not the order between processes.
    "cooperation": [
        line for i in range(5) for line in (f"Adder is adding 1 to {i}", f"Bookkeeper got {i + 1} back")
    ],
    "proxy": [
        "MainThread: calling FooActor.bar() ...",
        "this was printed by FooActor.bar()",
        "MainThread: this was returned by FooActor.baz() after a delay",
        "MainThread: this is the value of FooActor.field",
        "MainThread: new value",
    ],
    "proxy_typing": [],
    "worker_pool": ["[(IPv4Address('127.0.0.1')"],
    "greeter": ["Hi you!"],
    "replies": ["Hi there!", "Hi there!"],
    "raiser": ["Exception('Oops')"],
    "calculator": ["4", "4", "2", "17"],
    "playback": ["True"],
}


def adapted(name: str) -> str:
    """The example with its import line changed."""
    text = (EXAMPLES / f"{name}.txt").read_text()
    text = re.sub(
        r"^import pykka$", "import peerage.actors.runtime.as_pykka as pykka", text, flags=re.MULTILINE
    )
    text = re.sub(
        r"^from pykka import", "from peerage.actors.runtime.as_pykka import", text, flags=re.MULTILINE
    )
    return text.replace('"193.35.52.', '"127.0.0.')


def run(text: str, directory: Path) -> str:
    script = directory / "example.py"
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, str(script)], check=False, capture_output=True, text=True, timeout=60, cwd=directory
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    """And prints what Pykka's documentation says."""
    printed = run(adapted(name), tmp_path).splitlines()
    for line in EXPECTED[name]:
        assert any(line in seen for seen in printed), (line, printed)


def test_no_example_is_left_out() -> None:
    """Each file is run."""
    assert {path.stem for path in EXAMPLES.glob("*.txt")} - {"ORIGIN"} == {*EXPECTED, "basic"}


def test_a_sentinel_is_another_object_there(tmp_path: Path) -> None:
    """The one change an example ("basic") needs: a bare object() is copied, a class keeps its identity."""
    text = adapted("basic")
    assert run(text, tmp_path).strip() == "None"
    changed = text.replace("GetMessages = object()", "class GetMessages: ...")
    assert run(changed, tmp_path).strip() == "[{'no': 'Norway', 'se': 'Sweden'}, {'a': 3, 'b': 4, 'c': 5}]"


def test_pykkas_names_are_there() -> None:
    """All that Pykka's own package offers, so that the import line is enough."""
    import pykka

    assert set(pykka.__all__) <= set(as_pykka.__all__)
    assert as_pykka.ThreadingActor is ProcessActor
    assert as_pykka.ActorRegistry is ActorRegistry
