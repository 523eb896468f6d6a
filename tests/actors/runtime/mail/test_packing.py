"""Classes and functions are taken apart so that all of it comes out again."""

from __future__ import annotations

import enum
import functools
import linecache
import pickle
import types
import weakref
from typing import Any

from peerage.actors.runtime.mail.definitions import Definition, Space, registry
from peerage.actors.runtime.mail.packing import definition_of, editions, reduce_cache, reduce_code, space_of
from peerage.actors.runtime.mail.pickling import dumps


def again(what: Any) -> Any:
    """What another process makes of it: one that has not had any of these definitions."""
    before = set(registry.by_id)
    body = dumps(what)
    for key in set(registry.by_id) - before:
        registry.forget(registry.by_id[key])
    return pickle.loads(body)


def test_a_class_comes_with_all_that_makes_it_one() -> None:
    """Slots, properties, class methods, defaults, annotations."""

    class Local:
        """Says so."""

        __slots__ = ("number",)
        number: int

        def __init__(self, number: int = 3) -> None:
            self.number = number

        @property
        def double(self) -> int:
            return 2 * self.number

        @classmethod
        def made(cls) -> Local:
            return cls(7)

    theirs = again(Local)
    assert theirs is not Local
    assert theirs.made().double == 14
    assert (theirs.__doc__, theirs.__slots__) == (Local.__doc__, Local.__slots__)
    assert theirs().number == 3


def test_an_enum_comes_with_aliases_and_what_its_members_hold() -> None:
    """cloudpickle alone leaves these behind."""

    class Colour(enum.Enum):
        RED = 1
        CRIMSON = 1  # noqa: PIE796 - an alias
        BLUE = 2

    Colour.BLUE.depth = 5  # type: ignore[attr-defined]  # as some programs do
    theirs = again(Colour)
    assert theirs.CRIMSON is theirs.RED
    assert [member.name for member in theirs] == ["RED", "BLUE"]
    assert theirs.BLUE.depth == 5


def test_a_function_keeps_its_defaults_and_attributes() -> None:
    """And its name in tracebacks."""

    def local(number: int, *, factor: int = 2) -> int:
        return number * factor

    local.note = "mine"  # type: ignore[attr-defined]  # any attribute
    theirs = again(local)
    assert theirs(4) == 8
    assert (theirs.note, theirs.__qualname__) == ("mine", local.__qualname__)


def test_caches_travel_empty() -> None:
    """A cached function, a cached property, a mapping with weak keys."""

    class Local:
        @functools.cached_property
        def value(self) -> list[int]:
            return [1]

        @functools.lru_cache(maxsize=5)  # noqa: B019 - what is tested
        def cached(self) -> int:
            return 3

    theirs = again(Local)()
    assert theirs.value is theirs.value
    assert theirs.cached() == 3
    assert type(theirs).cached.cache_parameters()["maxsize"] == 5
    assert again(weakref.WeakValueDictionary()) == {}
    assert reduce_cache(len_cached) == "len_cached"


@functools.lru_cache
def len_cached(text: str) -> int:
    return len(text)


def test_the_lines_of_a_notebooks_cell_go_with_its_code() -> None:
    """Those of a file stay: the other process can read it."""
    name = "<cell 7>"
    linecache.cache[name] = (6, None, ["1 + 1\n"], name)
    _make, (_args, filename, lines) = reduce_code(compile("1 + 1", name, "eval"))
    assert (filename, lines) == (name, ("1 + 1\n",))
    assert reduce_code(again_code())[1][2] == ()


def again_code() -> types.CodeType:
    return again.__code__


def test_a_name_that_its_home_binds_anew_has_another_edition() -> None:
    """Other processes bind it anew, too; those that pass it on repeat what they have heard."""
    home = Space(registry.next_identity(is_named=True), {}, {})
    one, two = object(), object()
    assert editions(home, {"a": one, "b": one}) == {"a": 1, "b": 1}
    assert editions(home, {"a": one, "b": two}) == {"a": 1, "b": 2}
    elsewhere = Space(b"another process's module", {}, {})
    elsewhere.editions["a"] = 4
    assert editions(elsewhere, {"a": one, "b": one}) == {"a": 4, "b": 0}


def test_each_thing_has_one_definition_and_each_module_one_set_of_globals() -> None:
    """However often it is sent."""

    class Local:
        pass

    definition: Definition = definition_of(Local)
    assert definition_of(Local) is definition
    values: dict[str, Any] = {"__name__": "nowhere"}
    assert space_of(values) is space_of(values)
