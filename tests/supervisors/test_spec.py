"""Child specs, flags, and what they refuse."""

import pickle
from typing import Any

import pykka
import pytest

from peerage.actors.runtime import ProcessActor
from peerage.supervisors.errors import ChildSpecError
from peerage.supervisors.intensity import Backoff, Intensity
from peerage.supervisors.spec import (
    BRUTAL_KILL,
    INFINITY,
    AutoShutdown,
    ChildSpec,
    ChildType,
    Flags,
    HealthCheck,
    Restart,
    Start,
    Strategy,
    check_specs,
)


class Nothing(ProcessActor):
    """An actor class to name in specs; never started here."""


NOTHING = Start.of(Nothing)


def test_defaults_are_otps() -> None:
    """A spec with id and start only is permanent, a worker, 5 s shutdown, not significant, not probed."""
    spec = ChildSpec("a", NOTHING)
    assert (spec.restart, spec.type, spec.shutdown) == (Restart.PERMANENT, ChildType.WORKER, 5.0)
    assert not spec.significant
    assert spec.health is None


def test_default_shutdown_of_a_supervisor_is_infinity() -> None:
    """A child supervisor gets the time it needs to stop its own children."""
    assert ChildSpec("a", NOTHING, type=ChildType.SUPERVISOR).shutdown is INFINITY


def test_flags_default_to_otps() -> None:
    """one_for_one, one restart in 5 s, never shut down by itself."""
    assert Flags() == Flags(Strategy.ONE_FOR_ONE, Intensity(1, 5.0), AutoShutdown.NEVER, Backoff())


@pytest.mark.parametrize(
    ("field", "kwargs"),
    [
        ("id", {"id": ""}),
        ("id", {"id": 7}),
        ("start", {"start": Nothing}),
        ("start.actor_class", {"start": Start(pykka.ThreadingActor)}),  # type: ignore[arg-type]  # that is the point
        ("restart", {"restart": "permanent"}),
        ("type", {"type": "worker"}),
        ("shutdown", {"shutdown": -0.5}),
        ("shutdown", {"shutdown": float("nan")}),
        ("shutdown", {"shutdown": float("inf")}),
        ("shutdown", {"shutdown": "infinity"}),
        ("significant", {"significant": True}),
        ("health", {"health": 5.0}),
    ],
)
def test_faulty_spec_is_refused_when_built(field: str, kwargs: dict[str, Any]) -> None:
    """The error names the child and the field (OTP: start_spec errors)."""
    with pytest.raises(ChildSpecError) as caught:
        ChildSpec(**{"id": "a", "start": NOTHING, **kwargs})
    assert caught.value.field == field


@pytest.mark.parametrize("shutdown", [0, 0.0, 2.5, BRUTAL_KILL, INFINITY])
def test_shutdown_takes_seconds_or_the_two_words(shutdown: Any) -> None:
    """Zero seconds is allowed: asked to stop, then killed at once."""
    assert ChildSpec("a", NOTHING, shutdown=shutdown).shutdown == shutdown


@pytest.mark.parametrize(
    "kwargs", [{"every": 0}, {"deadline": 0}, {"max_rss": 0}, {"every": "5"}, {"max_rss": "500MB"}]
)
def test_faulty_health_check_is_refused(kwargs: dict[str, Any]) -> None:
    """Times and sizes are positive."""
    with pytest.raises(ChildSpecError):
        HealthCheck(**kwargs)


@pytest.mark.parametrize("kwargs", [{"strategy": "one_for_one"}, {"auto_shutdown": "never"}])
def test_words_in_place_of_flags_are_refused(kwargs: dict[str, Any]) -> None:
    """They look like the flags, and would be none of them."""
    with pytest.raises(ChildSpecError, match="allowed is one of"):
        Flags(**kwargs)


@pytest.mark.parametrize("kwargs", [{"intensity": 3}, {"backoff": 0.05}])
def test_numbers_in_place_of_what_has_several_are_refused(kwargs: dict[str, Any]) -> None:
    """When the flags are made, and not when the first child ends."""
    with pytest.raises(ChildSpecError, match=r"(intensity is 3|backoff is 0\.05), allowed is an? "):
        Flags(**kwargs)


def test_something_else_than_flags_is_refused() -> None:
    """What stands in their place is named."""
    with pytest.raises(ChildSpecError, match=r"flags is Intensity\(.*\), allowed is a Flags"):
        check_specs(Intensity(), [])  # type: ignore[arg-type]  # that is the mistake


def test_name_is_the_option_else_the_id() -> None:
    """The actor's name is stable over restarts, because the spec gives it."""
    assert ChildSpec("a", NOTHING).name == "a"
    assert ChildSpec("a", NOTHING.using(name="alpha")).name == "alpha"


def test_using_keeps_arguments_and_merges_options() -> None:
    """Start.of(...).using(...) reads as actor_class.options(...).start(...)."""
    start = Start.of(Nothing, 1, key=2).using(place="thread").using(host="h")
    assert (start.args, start.kwargs, start.options) == ((1,), {"key": 2}, {"place": "thread", "host": "h"})


def test_instance_fills_a_template_in() -> None:
    """simple_one_for_one's use: same spec, own id and name, further arguments behind the template's."""
    template = ChildSpec(
        "any", Start.of(Nothing, 1).using(name="any", place="thread"), restart=Restart.TEMPORARY
    )
    child = template.instance("w1", 2, key=3)
    assert (child.id, child.name, child.restart) == ("w1", "w1", Restart.TEMPORARY)
    assert (child.start.args, child.start.kwargs, child.start.options) == (
        (1, 2),
        {"key": 3},
        {"place": "thread"},
    )


def test_spec_survives_pickling() -> None:
    """start_child is a message: the spec travels."""
    spec = ChildSpec("a", Start.of(Nothing, 1).using(place="thread"), health=HealthCheck(1.0, 2.0))
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_two_children_with_one_id_are_refused() -> None:
    """OTP: duplicate_child_name."""
    with pytest.raises(ChildSpecError, match="used twice"):
        check_specs(Flags(), [ChildSpec("a", NOTHING), ChildSpec("a", NOTHING)])


def test_two_children_with_one_actor_name_are_refused() -> None:
    """Different ids do not help when their actors would share a mailbox name."""
    with pytest.raises(ChildSpecError, match="used twice"):
        check_specs(Flags(), [ChildSpec("a", NOTHING), ChildSpec("b", NOTHING.using(name="a"))])


def test_something_else_than_a_spec_is_refused() -> None:
    """OTP: invalid_child_spec."""
    with pytest.raises(ChildSpecError, match="a ChildSpec"):
        check_specs(Flags(), ["child4"])  # type: ignore[list-item]  # that is the point


def test_significant_child_without_auto_shutdown_is_refused() -> None:
    """OTP: a significant child is a mistake while auto_shutdown is never."""
    spec = ChildSpec("a", NOTHING, restart=Restart.TRANSIENT, significant=True)
    with pytest.raises(ChildSpecError, match="auto_shutdown"):
        check_specs(Flags(), [spec])
    check_specs(Flags(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT), [spec])
