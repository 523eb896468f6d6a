"""Values are pickled, and beside them what other processes cannot import."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from peerage.actors.runtime.mail.definitions import EVERYTHING, registry
from peerage.actors.runtime.mail.pickling import dumps, dumps_error


def test_a_definition_is_packed_once() -> None:
    """A message of a class of no module holds its definition, and two of them the very same bytes."""

    class Local:
        pass

    first, second = dumps(Local()), dumps([Local(), Local])
    definition = registry.by_id[id(Local)]
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


def test_what_the_receiver_keeps_goes_by_its_identity_alone() -> None:
    """Its definition is left out."""

    class Local:
        pass

    whole = dumps(Local)
    definition = registry.by_id[id(Local)]
    definition.kept = Local  # as if a module held it
    short = dumps(Local, kept_there={definition.identity})
    assert definition.packed in whole
    assert definition.packed not in short
    assert pickle.loads(short) is Local
    assert len(dumps(Local, kept_there=EVERYTHING)) == len(short)


def test_a_process_begins_with_a_class_as_it_is_now() -> None:
    """Others have it as it was when it was first sent."""

    class Local:
        value = 1

    first = dumps(Local)
    Local.value = 2
    packed = registry.by_id[id(Local)].packed
    assert dumps(Local) == first
    dumps(Local, anew=True)
    assert registry.by_id[id(Local)].packed != packed


def test_buffers_travel_beside_the_pickle() -> None:
    """Those that the caller collects."""
    collected: list[pickle.PickleBuffer] = []
    body = dumps(pickle.PickleBuffer(b"some bytes"), collected, collected.append)
    assert b"some bytes" not in body
    assert bytes(pickle.loads(body, buffers=collected)) == b"some bytes"


def test_an_exception_is_pickled_with_its_chain_or_without() -> None:
    """What it was raised from may be what cannot travel."""
    error = ValueError("no")
    error.__cause__ = KeyError("why")
    whole = pickle.loads(dumps_error(error, chained=True, forced=False))
    alone = pickle.loads(dumps_error(error, chained=False, forced=False))
    assert whole.__cause__.args == ("why",)
    assert alone.__cause__ is None


def test_what_cannot_be_pickled_raises() -> None:
    """As pickle does."""
    with pytest.raises(TypeError):
        dumps(name for name in "abc")
