"""Names on both sides of the border between home and an outpost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.runtime import ActorRef
from peerage.actors.runtime.cluster.border import AT_HOME, Border


def border() -> Border:
    return Border("home", "there", ("traveller", "its host"), 7, lambda host: host == "child")


def test_an_actor_at_home_is_a_stand_in_there_and_itself_again_at_home() -> None:
    """Whatever the ref goes through, it leads to the same actor."""
    fields = border().entering("switch", "switch", 3, "a:Switch")
    assert fields == ("switch", AT_HOME, 7, "a:Switch", "there")
    both = border()
    assert both.leaving(ActorRef(*both.entering("x", "peers-0", 3, "a:X"))) == (
        "x",
        "peers-0",
        0,
        "a:X",
        "home",
    )


def test_the_actor_that_was_sent_there_is_itself_on_both_sides() -> None:
    """It has one name and one host name, and only the system differs."""
    fields = border().entering("traveller", "its host", 3, "a:T")
    assert fields == ("traveller", "its host", 0, "a:T", "there")
    assert border().leaving(ActorRef(*fields)) == ("traveller", "its host", 0, "a:T", "home")


def test_two_actors_never_share_a_stand_in() -> None:
    """However their names are put together."""
    both = border()
    first, second = both.stand_in("b/c", "a"), both.stand_in("c", "a/b")
    assert first != second
    assert both.path_of(first) == ("b/c", "a")
    assert both.path_of(second) == ("c", "a/b")
    assert both.stand_in("b/c", "a") == first


@given(st.text(st.sampled_from("ab/%25F")), st.text(st.sampled_from("ab/%25F")))
def test_the_name_of_a_stand_in_says_whom_it_stands_for(name: str, host: str) -> None:
    """However names are put together: so nothing has to be kept for any of them, nor forgotten."""
    one = border()
    before = dict(vars(one))
    assert one.path_of(one.stand_in(name, host)) == (name, host)
    one.leaving(ActorRef(*one.entering(name, host, 3, "a:X")))
    assert vars(one) == before


def test_the_agent_of_the_outpost_stands_for_nobody() -> None:
    """It lives beside the stand-ins, and its ref is of no use at home."""
    agent = ActorRef(AT_HOME, AT_HOME, 7, "a:Agent", "there")
    assert border().path_of(AT_HOME) is None
    assert border().leaving(agent) == (AT_HOME, AT_HOME, 7, "a:Agent", "there")


def test_an_actor_of_the_outpost_stays_what_it_is() -> None:
    """It is not known at home: its ref says there that it belongs to another system."""
    own = ActorRef("child", "child", 9, "a:C", "there")
    assert border().leaving(own) == ("child", "child", 9, "a:C", "there")


def test_a_name_alone_means_an_actor_at_home() -> None:
    """Unless the outpost has a host of that name."""
    assert border().named("switch", "switch") == ("switch", AT_HOME, 7, "", "there")
    assert border().named("x", "child") == ("x", "child", 0, "", "there")
    assert border().named("traveller", "its host") == ("traveller", "its host", 0, "", "there")
