"""Pykka's names, bound to this runtime."""

import pykka
import pytest

from peerage.actors.runtime import (
    ActorDeadError,
    ActorProxy,
    ActorRef,
    Future,
    ProcessActor,
    ProcessFuture,
    Timeout,
    as_pykka,
)

OURS = {
    "ActorDeadError": ActorDeadError,
    "ActorProxy": ActorProxy,
    "ActorRef": ActorRef,
    "Future": Future,
    "ThreadingActor": ProcessActor,
    "ThreadingFuture": ProcessFuture,
    "Timeout": Timeout,
}


@pytest.mark.parametrize("name", pykka.__all__)
def test_every_name_of_pykkas_is_there(name: str) -> None:
    """Ours where isolation needs one of its own, else Pykka's."""
    assert name in as_pykka.__all__
    assert getattr(as_pykka, name) is OURS.get(name, getattr(pykka, name))


@pytest.mark.parametrize("name", ["ActorDeadError", "Timeout"])
def test_what_catches_pykkas_errors_catches_ours(name: str) -> None:
    assert issubclass(getattr(as_pykka, name), getattr(pykka, name))
