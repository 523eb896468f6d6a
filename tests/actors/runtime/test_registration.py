"""Pykka's registry has the actors of this process as long as they live."""

from __future__ import annotations

from pykka import ActorRegistry

from peerage.actors.runtime import THREAD
from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.registration import register
from tests.actors.runtime.cast import Echo


def test_an_actor_is_registered_until_it_ends() -> None:
    ref = Echo.options(place=THREAD).start()
    assert ActorRegistry.get_by_urn(ref.actor_urn) == ref
    ref.stop()
    assert ActorRegistry.get_by_urn(ref.actor_urn) is None


def test_a_ref_is_entered_once() -> None:
    """An actor in a thread has registered itself, and its starter does it again."""
    ref = Echo.options(place=THREAD).start()
    process = current_process()
    assert process is not None
    register(process, ref)
    assert ActorRegistry.get_all().count(ref) == 1
    ref.stop()
