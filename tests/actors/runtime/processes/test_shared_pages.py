"""Memory that is shared with forks stays shared: what is there is not counted, and new objects lie apart from it.

Each test has an interpreter of its own: what is made immortal stays so.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

IS_BUILT = importlib.util.find_spec("peerage.actors.runtime.processes._immortal") is not None
IS_POSSIBLE = IS_BUILT and (3, 12) <= sys.version_info < (3, 16)

BEGIN = """
import enum, gc, sys, weakref
from dataclasses import dataclass
from peerage.actors.runtime.processes import shared_pages

def made_here():
    number = 12345.5
    def inner(): return number, "a constant of some length"
    return inner

class Kind(enum.Enum):
    ONE = 1

@dataclass
class Value:
    field: int = 7777

    @property
    def twice(self): return self.field * 2

def references(thing):
    before = sys.getrefcount(thing)
    more = [thing] * 10
    return sys.getrefcount(thing) - before
"""


def run(code: str, before: str = "") -> str:
    """What it prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{before}\n{BEGIN}\n{code}"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


DEFINITIONS = (
    "made_here",
    "made_here.__code__",
    "made_here().__code__",
    "made_here.__code__.co_consts",
    "Value",
    "Value.__mro__",
    "vars(Value)['twice']",
    "Value.__dataclass_fields__['field']",
    "Kind.ONE",
    "weakref",
    "weakref.__spec__",
    "sys.intern('twice')",
)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_nobody_counts_who_refers_to_a_definition(definition: str) -> None:
    """Classes, functions, modules, and what they consist of: where Python can do so. Where not, all is as ever."""
    printed = run(f"shared_pages.keep_shared(); print(references({definition}))")
    assert printed == ("0" if IS_POSSIBLE else "10")


@pytest.mark.parametrize("value", ["Value()", "[1]", "{1: 2}", "{1}", "bytearray(9)", "iter([1])"])
def test_values_are_counted_as_ever(value: str) -> None:
    """Somebody may wait to see them go."""
    assert run(f"value = {value}; shared_pages.keep_shared(); print(references(value))") == "10"


def test_what_a_list_or_an_instance_held_goes_with_it() -> None:
    """Also when both were there before the fork."""
    code = """
kept = Value(); kept.other = Value()
listed = [Value()]
gone = [weakref.ref(kept), weakref.ref(kept.other), weakref.ref(listed[0])]
shared_pages.keep_shared()
del kept, listed
print([each() for each in gone])
"""
    assert run(code) == "[None, None, None]"


def test_new_objects_fill_no_gap_between_old_ones() -> None:
    """Each would copy the page that it is put into."""
    code = """
old = [bytes(67) for _ in range(5000)]
freed = {id(each) for each in old[::2]}
del old[::2]
shared_pages.keep_shared()
print(freed.isdisjoint([id(each) for each in [bytes(67) for _ in range(1000)]]))
"""
    assert run(code) == "True"


def test_nothing_is_left_for_the_collector_to_look_through() -> None:
    """It would write into each object."""
    assert run("shared_pages.keep_shared(); print(len(gc.get_objects()) < 100)") == "True"


def test_it_can_be_done_again() -> None:
    """When more was imported."""
    code = """
shared_pages.keep_shared()
def later(): pass
shared_pages.keep_shared()
print(references(later))
"""
    assert run(code) == ("0" if IS_POSSIBLE else "10")


def test_without_the_extension_all_is_counted() -> None:
    """And everything else is done all the same."""
    hidden = "import sys; sys.modules['peerage.actors.runtime.processes._immortal'] = None"
    assert run("shared_pages.keep_shared(); print(references(made_here))", hidden) == "10"


@pytest.mark.skipif(not IS_BUILT, reason="the extension was not built")
def test_anything_but_a_list_is_refused() -> None:
    """It comes from the collector."""
    code = """
try:
    shared_pages.immortalize((1,))
except TypeError as error:
    print(error)
"""
    assert run(code) == "a list of objects is expected"
