"""How an actor on the cluster is started, where there is no Ray."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from peerage.actors.runtime import RAY, ActorStartError, System
from tests.actors.runtime.cast import Echo


@pytest.fixture
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)


def test_without_ray_a_start_says_what_to_install(without_ray: None, system: System) -> None:
    """One line; and the name is free again."""
    for _ in range(2):
        with pytest.raises(ActorStartError, match=r"pip install 'peerage\[ray\]'"):
            Echo.options(name="traveller", place=RAY()).start()


def test_arguments_that_cannot_be_sent_are_told_to_the_caller(system: System) -> None:
    """As for a process at home."""
    unpicklable = (each for each in range(1))
    with pytest.raises(TypeError, match="generator"):
        Echo.options(place=RAY()).start(unpicklable)


def test_a_ref_names_the_actors_own_class() -> None:
    """Its proxy offers the actor's methods, and not those of what stands for it."""
    starter: Any = Echo.options(place=RAY())
    assert starter._class is Echo
