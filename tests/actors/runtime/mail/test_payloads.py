"""What is sent is what it was when `tell`, `ask` or the answer returned, in every place; see payloads.py."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, Place, ProcessActor, System
from peerage.actors.runtime.mail.codec import SMALL
from peerage.actors.runtime.mail.memory import LARGE
from tests.actors.runtime.cast import Worker
from tests.actors.runtime.payloads import KINDS, PLACES, SIZES, WAYS, Keeper, Pairs


@pytest.fixture
def pairs(system: System) -> Pairs:
    return Pairs()


def test_what_arrives_is_what_was_sent(pairs: Pairs) -> None:
    """Whatever its kind and size, the way it goes and the place, and whatever sender and receiver do afterwards."""

    @given(
        place=st.sampled_from(PLACES),
        way=st.sampled_from(list(WAYS)),
        kind=st.sampled_from(list(KINDS)),
        size=st.sampled_from(SIZES) | st.integers(0, 200_000),
    )
    @settings(max_examples=150, deadline=None)
    def holds(place: Place, way: str, kind: str, size: int) -> None:
        assert pairs.attempt(place, way, kind, size) == []

    holds()


def test_each_kind_is_isolated_when_it_is_large(pairs: Pairs) -> None:
    """In every place: told, answered, and passed on."""
    for place, way, kind in product(PLACES, ("tell", "answer", "forward"), KINDS):
        assert pairs.attempt(place, way, kind, 5 * LARGE) == [], (place, way, kind)


def test_arguments_of_a_start_are_what_they_were(pairs: Pairs) -> None:
    """Those of the constructor and `extra`; HERE too, unless it is said otherwise."""
    for place, kind in product(PLACES, ("array", "nested", "bytearray")):
        assert pairs.attempt_start(place, kind, 2 * LARGE) == [], (place, kind)


class Aligned(ProcessActor):
    def on_receive(self, message: Any) -> bool:
        return bool(message.flags.aligned)


def test_arrays_arrive_where_their_items_may_lie(system: System, place: Place) -> None:
    """ZeroMQ reads many messages into one buffer, one behind the other."""
    ref = Aligned.options(place=place).start()
    answers = [ref.ask(np.ones(size // 8), block=False) for size in range(SMALL - 80, 3 * SMALL, 88)]
    assert all(answer.get() for answer in answers)


class Server(ProcessActor):
    """Answers with its weights, and goes on changing them."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = np.zeros(LARGE)

    def on_receive(self, message: Any) -> Any:
        if message == "try in your host":
            return altered_answers(Server.options(place=HERE).start())
        self.runtime.call_soon(self.weights.__iadd__, 1.0)
        return self.weights


def altered_answers(server: ActorRef[Server]) -> list[int]:
    """Which of the answers are not the weights of their time."""
    answers = [server.ask("weights") for _ in range(50)]
    return [number for number, weights in enumerate(answers) if not (weights == number).all()]


def test_answers_of_a_parameter_server_are_not_torn(system: System) -> None:
    """Though it goes on as soon as it has answered."""
    refs = [Server.options(place=place).start() for place in (PROCESS, THREAD)]
    assert [altered_answers(ref) for ref in refs] == [[], []]
    assert [ref.ask("try in your host") for ref in refs] == [[], []]


def test_both_sides_count_the_same_bytes(pairs: Pairs) -> None:
    """At the limits of every way to pack, and of views whose length is no number of bytes: nothing is left in the window."""
    kinds = ["bytes", "text", "bytearray", "array", "frames", "nested", "user's buffer"]
    sizes = [0, 1, SMALL - 1, SMALL, SMALL + 1, LARGE - 1, LARGE, LARGE + 1]
    assert [pairs.bytes_left(place, kinds, sizes) for place in PLACES] == [0, 0, 0]


def test_small_frames_arrive_as_bytes_and_large_ones_as_views_that_are_read_only(pairs: Pairs) -> None:
    """Whatever they were sent as, but for bytes that stay in one host."""
    for place in PLACES:
        assert pairs.types_of_frames(place, SMALL) == ["bytes", "bytes"]
        large = "bytes" if place is HERE else "read-only memoryview"
        assert pairs.types_of_frames(place, LARGE) == [large, "read-only memoryview"]


def test_arguments_go_by_reference_where_that_is_said(worker: ActorRef[Worker]) -> None:
    """In the caller's host; what cannot be pickled as well."""
    assert worker.ask(("start_by_reference", [1]))


def test_by_reference_is_refused_elsewhere(system: System, place: Place) -> None:
    """Nothing could be shared."""
    with pytest.raises(ValueError, match="by_reference=True is for place HERE"):
        Keeper.options(place=place, by_reference=True)
