"""Which classes and functions mean the same by reference in another process."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from peerage.actors.runtime.mail.importable import (
    is_builtin,
    is_closure,
    is_importable,
    is_named,
    is_plain,
    is_unfinished,
)


class OfThisModule:
    """Found by its name wherever the tests can be imported."""


def plus_one(number: int) -> int:
    return number + 1


def a_closure(captured: int) -> Any:
    return lambda: captured


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that is in the middle of its import."""
    made = ModuleType("half_imported")
    made.__spec__ = ModuleSpec("half_imported", None)
    made.__spec__._initializing = True  # type: ignore[attr-defined]  # as importlib does
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return made


@pytest.mark.parametrize("what", [OfThisModule, plus_one, dict])
def test_what_a_module_holds_under_its_name_can_be_imported(what: Any) -> None:
    """And is kept by it."""
    assert is_importable(what)


def test_what_no_module_holds_cannot() -> None:
    """A local class, a lambda, a class of the program itself."""

    class Local:
        pass

    of_main = type("OfMain", (), {"__module__": "__main__"})
    for what in (Local, lambda: None, of_main):
        assert not is_importable(what)
        assert not is_named(what)


def test_a_module_that_is_being_imported_must_not_be_imported_elsewhere(module: ModuleType) -> None:
    """Its top level may be what starts the actor."""
    inside = type("Inside", (), {"__module__": module.__name__})
    module.Inside = inside  # type: ignore[attr-defined]  # a name of its own
    assert is_unfinished(module.__name__)
    assert is_unfinished(f"{module.__name__}.below") is True
    assert not is_plain(inside)
    assert not is_importable(inside)
    module.__spec__._initializing = False  # type: ignore[union-attr]  # the import is done
    assert not is_unfinished(module.__name__)
    assert is_importable(inside)


def test_a_file_that_was_run_by_its_path_is_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others would look for it in vain."""
    run = ModuleType("run_by_path")
    run.__spec__, run.__file__ = None, "/somewhere/run_by_path.py"
    monkeypatch.setitem(sys.modules, run.__name__, run)
    assert is_unfinished(run.__name__)
    assert is_unfinished("no_such_module")
    assert not is_unfinished(__name__)


def test_plain_pickle_is_tried_for_values_of_importable_classes_alone() -> None:
    """An exception may hold anything."""

    class Local:
        pass

    assert is_plain(OfThisModule)
    assert is_plain(Local)  # its module can be imported: pickle itself finds out that the class cannot
    assert not is_plain(ValueError)
    assert not is_plain(type("OfMain", (), {"__module__": "__main__"}))


def test_kinds_of_what_no_module_names() -> None:
    """Classes made in C, and functions that close over variables."""
    assert is_builtin(type(None))
    assert not is_builtin(OfThisModule)
    assert is_closure(a_closure(1))
    assert not is_closure(plus_one)
    assert not is_closure(lambda: None)
