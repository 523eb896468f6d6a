"""Classes and functions that other processes cannot import travel, and those at home stay as they are."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime.mail import definitions
from peerage.actors.runtime.mail.definitions import dumps
from tests.actors.runtime.own_definitions import CHECKS

ROOT = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def complaints() -> dict[str, list[str]]:
    """What the program found that uses its own classes and functions in all ways."""
    argv = [sys.executable, "-m", "tests.actors.runtime.own_definitions"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("where", ["process", "thread"])
@pytest.mark.parametrize("what", [each.__name__ for each in CHECKS])
def test_of_what_a_program_defines_itself(complaints: dict[str, list[str]], what: str, where: str) -> None:
    """Each kind of class and function, to a process and to a thread: the name says what must hold."""
    assert complaints[f"{what} {where}"] == []


def test_a_definition_is_packed_once() -> None:
    """A message of a class of no module holds its definition, and two of them the very same bytes."""

    class Local:
        pass

    first, second = dumps(Local()), dumps([Local(), Local])
    definition = definitions._registry.by_id[id(Local)]
    assert definition.packed in first
    assert second.count(definition.packed) == 1


def test_its_home_gets_its_own_class_back() -> None:
    """The very object, not one that is like it."""

    class Local:
        pass

    assert pickle.loads(dumps(Local)) is Local


def test_a_closure_is_what_it_was_when_it_was_sent() -> None:
    """It may be another thing at the next sending, and shares nothing with its sender."""
    number, seen = 1, [1]

    def closure() -> Any:
        return number, seen

    first, number = dumps((closure, seen)), 2
    second = dumps(closure)
    seen.append(2)
    again, beside = pickle.loads(first)
    assert again() == (1, [1])
    assert again()[1] is beside
    assert pickle.loads(second)() == (2, [1])


def test_a_class_whose_module_was_loaded_again_travels_as_it_is() -> None:
    """What was importable yesterday need not be so today."""
    known, name = RemoteClass, RemoteClass.__qualname__
    assert pickle.loads(dumps(known(), careful=True)).__class__ is known
    try:
        globals()[name] = type(name, (), {"__module__": __name__})
        assert pickle.loads(dumps(known(), careful=True)).__class__ is known
    finally:
        globals()[name] = known


class RemoteClass:
    """Stands for any class of a module."""


def test_a_lambda_that_nobody_holds_is_forgotten() -> None:
    """What a program makes without end, it need not keep without end."""
    before = len(definitions._registry.by_id)
    for _ in range(3 * definitions.KEPT):
        pickle.loads(dumps(lambda: None))
    assert len(definitions._registry.by_id) <= before + definitions.KEPT


def test_a_definition_that_cannot_be_read_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a class would be worse than none: the next message builds it anew."""
    body, identity = _of_another_process()
    with monkeypatch.context() as patched:
        patched.setattr(definitions, "_fill_class", _fail)
        with pytest.raises(ImportError):
            pickle.loads(body)
    assert identity not in definitions._registry.by_identity
    assert pickle.loads(body)().name() == "Local"
    assert identity in definitions._registry.by_identity


def test_nobody_sees_a_class_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads get the first messages of a class at once: the second waits until the first has built it."""
    body, _ = _of_another_process()
    seen: list[Any] = []
    second = threading.Thread(target=lambda: seen.append(pickle.loads(body)().name()))
    fill = definitions._fill_class

    def fill_slowly(*args: Any) -> None:
        second.start()
        second.join(0.1)
        fill(*args)

    monkeypatch.setattr(definitions, "_fill_class", fill_slowly)
    cls = pickle.loads(body)
    second.join(5.0)
    assert seen == ["Local"]
    assert pickle.loads(body) is cls


def _of_another_process() -> tuple[bytes, bytes]:
    class Local:
        def name(self) -> str:
            return Local.__name__

    body = dumps(Local)
    definition = definitions._registry.by_id[id(Local)]
    definitions._registry.forget(definition)  # as if it had never been here
    return body, definition.identity


def _fail(*_: Any) -> None:
    raise ImportError
