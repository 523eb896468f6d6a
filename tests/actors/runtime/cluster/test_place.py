"""The place itself."""

from __future__ import annotations

import pickle

from peerage.actors.runtime import RAY


def test_ray_restarts_and_repeats_nothing() -> None:
    """Our supervisors decide about the one, and no message is handled twice."""
    options = RAY().options()
    assert (options["max_restarts"], options["max_task_retries"]) == (0, 0)


def test_only_what_was_asked_for_is_claimed() -> None:
    """Ray takes a claim that is given as None for one."""
    assert RAY(num_cpus=0).options().keys() == {"num_cpus", "num_gpus", "max_restarts", "max_task_retries"}
    asked = RAY(2, memory=5, resources={"x": 1}, label_selector={"zone": "b"}, runtime_env={"env_vars": {}})
    assert asked.options() | {"max_restarts": 1} == {
        "num_cpus": 2,
        "num_gpus": 0.0,
        "max_restarts": 1,
        "max_task_retries": 0,
        "memory": 5,
        "resources": {"x": 1},
        "label_selector": {"zone": "b"},
        "runtime_env": {"env_vars": {}},
    }


def test_a_place_travels_in_child_specs() -> None:
    """A supervisor in another process starts its children from them."""
    place = RAY(num_cpus=0.5, resources={"x": 1})
    assert pickle.loads(pickle.dumps(place)) == place
