"""The way to the shared book, with something in Ray's place."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.cluster import hub
from peerage.actors.cluster.hub import ANSWER_S, NAMESPACE, START_S, Hub, HubLine
from peerage.actors.discovery.sharing.shared_book import Telling

TELLING = Telling("node", True, ())


class FakeRay:
    """Runs what is remote here.

    Attributes: actors, by namespace and name; options, of the class; timeouts, of each answer.
    """

    def __init__(self) -> None:
        self.actors: dict[tuple[str, str], Any] = {}
        self.options: dict[str, Any] = {}
        self.timeouts: list[float] = []
        self.util = SimpleNamespace(get_node_ip_address=lambda: "10.0.0.2")

    def remote(self, **options: Any) -> Any:
        self.options = options
        return lambda cls: SimpleNamespace(options=lambda **more: self._starter(cls, **more))

    def _starter(self, cls: type, *, name: str, namespace: str, get_if_exists: bool) -> Any:
        assert get_if_exists

        def remote() -> Any:
            if (namespace, name) not in self.actors:
                self.actors[namespace, name] = cls()
            actor = self.actors[namespace, name]
            return SimpleNamespace(exchange=SimpleNamespace(remote=lambda told: lambda: actor.exchange(told)))

        return SimpleNamespace(remote=remote)

    def get(self, call: Any, *, timeout: float) -> Any:
        self.timeouts.append(timeout)
        return call()


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(hub, "connect", lambda address: fake if address == "10.0.0.1:6379" else None)
    return fake


def test_all_nodes_find_the_same_book_by_its_name(ray: FakeRay) -> None:
    """Another chain's nodes find another one. Ray restarts none of them."""
    one, other = (HubLine("10.0.0.1:6379", "chain") for _ in range(2))
    first, at = one.exchange(TELLING)
    second, _ = other.exchange(TELLING)
    assert (first.life, at) == (second.life, "10.0.0.2")
    assert HubLine("10.0.0.1:6379", "another").exchange(TELLING)[0].life != first.life
    assert set(ray.actors) == {(NAMESPACE, "book/1/chain"), (NAMESPACE, "book/1/another")}
    assert ray.options["max_restarts"] == ray.options["max_task_retries"] == 0


def test_the_first_answer_may_take_as_long_as_a_start(ray: FakeRay) -> None:
    """Later ones have less time: who does not answer then is lost."""
    line = HubLine("10.0.0.1:6379", "chain")
    line.exchange(TELLING)
    line.exchange(TELLING)
    assert ray.timeouts == [START_S, ANSWER_S]


def test_each_book_has_a_life_of_its_own(ray: FakeRay) -> None:
    """By which nodes notice that it was started anew."""
    assert Hub().exchange(TELLING)[0].life != Hub().exchange(TELLING)[0].life
