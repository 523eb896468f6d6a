"""An actor's class is found by its path."""

from __future__ import annotations

import pickle

import pytest

from peerage.actors.runtime.mail.class_path import NamedClass, class_of, path_of


class Outer:
    class Inner:
        pass


def test_a_class_is_found_by_module_and_qualified_name() -> None:
    """Nested ones too."""
    assert path_of(Outer.Inner) == f"{__name__}:Outer.Inner"
    assert class_of(f"{__name__}:Outer.Inner") is Outer.Inner
    assert class_of("collections:OrderedDict").__name__ == "OrderedDict"


def test_a_class_that_was_met_here_need_not_be_importable() -> None:
    """That of a function, say."""

    class Local:
        pass

    assert class_of(path_of(Local)) is Local


def test_a_class_that_is_not_known_here_is_an_error() -> None:
    """Its module cannot be imported, or has no such class."""
    with pytest.raises(ImportError):
        class_of("no_such_module:Actor")
    with pytest.raises(AttributeError):
        class_of("collections:NoSuchClass")


def test_a_named_class_is_a_value_that_becomes_the_class_elsewhere() -> None:
    """Sent as it is, it stays a name."""
    named = NamedClass("collections:OrderedDict")
    assert pickle.loads(pickle.dumps(named)) == named
    assert pickle.loads(pickle.dumps(named.to_import())) is class_of(named.path)
    assert (path_of(named), named.module, named.__name__) == (named.path, "collections", "OrderedDict")
    assert {named, NamedClass(named.path)} == {named}
    assert named != NamedClass("a:B")
