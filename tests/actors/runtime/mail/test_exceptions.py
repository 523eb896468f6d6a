"""Exceptions travel as they were raised, without a call of their constructor."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime.mail.exceptions import reduce_exception


class WantsMoreError(Exception):
    """Its constructor takes something else than it hands on."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code, self.detail = code, detail


class SlottedError(ValueError):
    """Holds an attribute outside its `__dict__`."""

    __slots__ = ("place",)
    place: str


class HasOwnWayError(Exception):
    """Says itself how it is pickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return HasOwnWayError, ("by its own way",)


class RegisteredError(Exception):
    """Was registered with copyreg."""


class Pickler(pickle.Pickler):
    chained, forced = True, False

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            return reduce_exception(value, chained=self.chained, forced=self.forced)
        return NotImplemented


def again(error: BaseException, *, chained: bool = True, forced: bool = False) -> Any:
    out = io.BytesIO()
    pickler = Pickler(out, 5)
    pickler.chained, pickler.forced = chained, forced
    pickler.dump(error)
    return pickle.loads(out.getvalue())


@pytest.fixture
def registered() -> Iterator[None]:
    copyreg.pickle(RegisteredError, lambda _error: (RegisteredError, ("as registered",)))
    yield
    del copyreg.dispatch_table[RegisteredError]


def test_a_constructor_that_takes_something_else_is_not_called() -> None:
    """Pickle's own way would call it with `args`, and fail."""
    error = again(WantsMoreError(7, detail="seven"))
    assert (type(error), error.args, error.code, error.detail) == (WantsMoreError, ("7: seven",), 7, "seven")


def test_what_the_interpreter_keeps_of_it_comes_along() -> None:
    """The number of an OSError, the name of an AttributeError, the place of a SyntaxError."""
    error = again(OSError(2, "no such file", "here"))
    assert (type(error), error.errno, error.filename) == (FileNotFoundError, 2, "here")
    assert again(AttributeError("no", name="missing", obj=object())).name == "missing"
    assert again(SyntaxError("wrong", ("file.py", 3, 5, "text"))).lineno == 3
    assert again(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")).object == b"\xff"


def test_what_stands_in_slots_comes_along() -> None:
    """And what its `__dict__` holds, notes too."""
    error = SlottedError("no")
    error.place = "here"
    error.add_note("noted")
    copied = again(error)
    assert (copied.place, copied.__notes__) == ("here", ["noted"])


def test_what_an_attribute_error_looked_at_stays() -> None:
    """It may be anything, and large."""
    assert again(AttributeError("no", name="missing", obj=object())).obj is None


def test_causes_and_contexts_come_along_if_they_are_wanted() -> None:
    """They may be what cannot be pickled."""
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error
    except ValueError as error:
        chained, alone = again(error), again(error, chained=False)
    assert chained.__cause__.args == ("first",)
    assert chained.__suppress_context__
    assert alone.__cause__ is alone.__context__ is None


def test_a_group_comes_with_all_its_exceptions() -> None:
    """It cannot be made without them."""
    group = again(ExceptionGroup("several", [ValueError(1), WantsMoreError(2, detail="two")]))
    assert group.message == "several"
    assert [str(error) for error in group.exceptions] == ["1", "2: two"]


def test_a_class_with_a_way_of_its_own_is_asked_first(registered: None) -> None:
    """Unless that way has failed, and this one is forced."""
    assert again(HasOwnWayError("x")).args == ("by its own way",)
    assert again(HasOwnWayError("x"), forced=True).args == ("x",)
    assert again(RegisteredError("x")).args == ("as registered",)
    assert again(RegisteredError("x"), forced=True).args == ("x",)
