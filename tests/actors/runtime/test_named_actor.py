"""Actors that are started by the name of their class."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from peerage.actors.runtime import HERE, THREAD, ActorStartError, ProcessActor
from peerage.actors.runtime.mail.class_path import class_of
from peerage.actors.runtime.named_actor import NamedActor
from tests.actors.runtime.cast import Echo


class Named(ProcessActor):
    """Says what it was given."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self._word = word

    def on_receive(self, _message: object) -> tuple[str, object]:
        return self._word, self.runtime.extra


NAMED = NamedActor(f"{__name__}:Named")


def test_it_starts_as_the_class_itself_would() -> None:
    """Under the class's name, with arguments and options."""
    ref = NAMED.options(name="by its name", extra=7).start("hello")
    assert ref.ask(None) == ("hello", 7)
    assert "Named" in repr(NAMED)
    ref.stop()
    unnamed = NAMED.options().start("again")
    assert unnamed.actor_urn.startswith("Named-")
    unnamed.stop()


@pytest.mark.parametrize("place", [THREAD, HERE])
def test_only_another_process_can_import_it(place: object) -> None:
    with pytest.raises(ValueError, match="in a process of its own"):
        NAMED.options(place=place)  # type: ignore[arg-type]  # that is the point


def test_a_name_that_leads_nowhere_shows_at_the_start() -> None:
    """As what importing it raises."""
    with pytest.raises((ImportError, ActorStartError), match="no_such_module"):
        NamedActor("no_such_module:Actor").options(name="nobody").start()


def test_it_stays_a_name_where_it_is_sent() -> None:
    """Only the process that the actor runs in imports the class."""
    sent = pickle.loads(pickle.dumps(NAMED))
    assert sent == NAMED == NamedActor(NAMED.path) != NamedActor("x:y")
    assert pickle.loads(pickle.dumps(sent.to_import())) is class_of(NAMED.path)
    assert NAMED.module == __name__
    assert hash(NAMED) == hash(NamedActor(NAMED.path))


def test_whoever_starts_it_does_not_import_it() -> None:
    code = f"""
import sys
from peerage.actors.runtime.named_actor import NamedActor
ref = NamedActor("{Echo.__module__}:{Echo.__name__}").options(name="greeter").start()
print("{Echo.__module__}" in sys.modules)
ref.stop()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50
    )
    assert done.stdout.split() == ["False"]
