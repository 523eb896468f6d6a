"""The error tree of `peerage.wire`."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Mapping

import pytest

from peerage.wire import errors
from peerage.wire.errors import AddressError, LocalError, RemoteError, WireError

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, BaseException)
]
HOSTILE = "\udcff\x1b[2J\n'\"" * 2000  # 10 kB and more of what grows when it is written out
HOSTILE_SAMPLES = {
    "int": 2**64,
    "str": HOSTILE,
    "bytes": HOSTILE.encode("utf-8", "surrogateescape"),
    "float": 1e308,
}
LONGEST = 300  # 200 characters of the remote, and our words around them
SAMPLES = {"int": 7, "str": "text", "bytes": b"bytes", "float": 1.5, "bool": True}


def sample(cls: type[WireError], samples: Mapping[str, object] = SAMPLES) -> WireError:
    """An instance whose arguments are as its constructor wants them."""
    if cls.__init__ is Exception.__init__:
        return cls()
    parameters = list(inspect.signature(cls).parameters.values())
    # An annotation such as "int | None" is served by its first member, "tuple[str, ...]" by an empty tuple.
    kinds = [str(parameter.annotation).split(" | ", maxsplit=1)[0].split("[")[0] for parameter in parameters]
    return cls(*(samples.get(kind, ()) for kind in kinds))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_is_ours_and_says_whose_fault_it_is(cls: type[WireError]) -> None:
    """It is a LocalError or a RemoteError; only for an address does that depend on who supplied it."""
    assert issubclass(cls, WireError)
    assert cls is WireError or issubclass(cls, (LocalError, RemoteError, AddressError))
    assert cls.__name__.endswith("Error")
    assert cls.__doc__


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_survives_the_way_to_another_process(cls: type[WireError]) -> None:
    """It keeps its class, its text and its details."""
    error = sample(cls)
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is cls
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_no_error_says_more_than_a_line_of_what_a_remote_sent(cls: type[WireError]) -> None:
    """The text is one short line of printable characters, however long the details are and whatever they contain."""
    text = str(sample(cls, HOSTILE_SAMPLES))
    assert len(text) <= LONGEST
    assert text.isprintable()


def test_the_tree_in_the_docstring_names_every_branch() -> None:
    """Each class that has subclasses is drawn."""
    parents = {base for cls in CLASSES for base in cls.__bases__ if issubclass(base, WireError)}
    assert errors.__doc__ is not None
    assert [cls.__name__ for cls in parents if cls.__name__ not in errors.__doc__] == []
