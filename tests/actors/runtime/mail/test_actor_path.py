"""actors/runtime/mail/actor_path.py: which actor is meant, and when two paths mean the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from peerage.actors.runtime import ForeignRefError
from peerage.actors.runtime.cluster.border import AT_HOME, Border
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.actor_path import ActorPath


def path(name: str = "a", host: str = "h", serial: int = 3, system: str | None = "one") -> ActorPath:
    return ActorPath(name, host, serial, "package.module:Outer.Worker", system)


def test_paths_are_equal_by_system_host_and_name() -> None:
    """The life of the host does not matter: the successor of an actor is the same actor."""
    assert path(serial=3) == path(serial=4)
    assert hash(path(serial=3)) == hash(path(serial=4))
    assert path() != path(name="b")
    assert path() != path(host="g")
    assert path() != path(system="two")
    assert path() != "a"


def test_no_two_actors_share_a_way() -> None:
    """Names may contain what separates host and name for people."""
    assert path("b/c", "a").key == path("c", "a/b").key
    assert path("b/c", "a").way != path("c", "a/b").way


def test_the_host_is_called_as_its_actor_by_default() -> None:
    assert ActorPath("switch", system="one").host == "switch"


def test_a_path_made_by_name_joins_the_first_system_that_uses_it() -> None:
    """Afterwards it belongs to that system alone."""
    by_name = path(system="")
    by_name.belong_to("one")
    by_name.belong_to("one")
    assert by_name == path(system="one")
    with pytest.raises(ForeignRefError):
        by_name.belong_to("two")


def test_comparing_is_a_use_where_a_system_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    by_name = path(system="")
    assert by_name != path(system="one")
    monkeypatch.setattr(here, "system", lambda: "one")
    assert by_name == path(system="one")
    assert by_name.system == "one"


def test_a_path_is_of_the_system_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "system", lambda: "one")
    assert path(system=None).system == "one"


def test_str_shows_class_name_and_host() -> None:
    """The host only where it is not called as the actor."""
    assert str(path("a", "a")) == "Worker (a)"
    assert str(path("a", "h")) == "Worker (a in h)"
    assert str(ActorPath("a", system="one")) == "Actor (a)"


def test_its_identity_leaves_the_system_out() -> None:
    assert path().identity == b"a\0h\0003\0package.module:Outer.Worker"


def test_on_a_cluster_a_path_is_written_as_it_is_at_home_and_read_as_it_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By whatever makes one of fields; those of this system, and of yet others, stay as they are."""
    border = Border("home", "there", ("sent", "sent"), 7, lambda _host: False)
    monkeypatch.setattr(here, "process", SimpleNamespace(border=border, system="there", closed=False))
    path = ActorPath("switch", "switch", 3, "a:Switch", "home")
    assert (path.name, path.host, path.serial, path.system) == ("switch", AT_HOME, 7, "there")
    assert path.fields == ("switch", "switch", 0, "a:Switch", "home")
    for system in ("there", "another"):
        assert ActorPath("child", "child", 3, "", system).fields == ("child", "child", 3, "", system)
