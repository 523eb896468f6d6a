"""actors/switch/redial_schedule.py: the documented schedule of a lost persistent peer."""

import random

from peerage.actors.switch.redial_schedule import JITTER_S, ReconnectSchedule


def pauses(max_period: float, count: int) -> list[float | None]:
    schedule = ReconnectSchedule(max_period, random.Random(1))
    return [schedule.next_pause() for _ in range(count)]


def test_the_first_try_is_at_once() -> None:
    """Reference 6: the first at once."""
    assert pauses(0.0, 1) == [0.0]


def test_twenty_tries_about_five_seconds_apart() -> None:
    """Reference 6: up to 20 tries, about 5 s apart, with up to 3 s of jitter."""
    for pause in pauses(0.0, 20)[1:]:
        assert pause is not None
        assert 5.0 <= pause <= 5.0 + JITTER_S


def test_ten_more_tries_grow_by_the_power_of_three() -> None:
    """Reference 6: then up to 10 tries at 3^k s."""
    for k, pause in enumerate(pauses(0.0, 30)[20:]):
        assert pause is not None
        assert 3.0**k <= pause <= 3.0**k + JITTER_S


def test_after_thirty_tries_it_gives_up() -> None:
    """Without a maximal period the 31st try never comes."""
    assert pauses(0.0, 31)[30] is None


def test_a_peer_of_another_network_is_tried_with_growing_pauses() -> None:
    """At once beyond the short ones: it is there, and will not become one of ours in seconds."""
    schedule = ReconnectSchedule(0.0, random.Random(1))
    found = []
    for _ in range(4):
        schedule.let_be()
        found.append(schedule.next_pause())
    for pause, least in zip(found, (9.0, 27.0, 81.0, 243.0), strict=True):
        assert pause is not None
        assert least <= pause <= least + JITTER_S


def test_with_a_maximal_period_it_never_gives_up_and_never_waits_longer() -> None:
    """Reference 6: with persistent_peers_max_dial_period the pause is capped and it goes on for ever."""
    for pause in pauses(7.0, 200):
        assert pause is not None
        assert pause <= 7.0
