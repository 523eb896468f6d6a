"""When there is so much to do that it is shared."""

from __future__ import annotations

from peerage.actors.discovery.manager.load import Load


def test_load_is_high_above_the_limit_and_for_a_second_behind_it() -> None:
    """The second before counts until this one has more."""
    load = Load(50)
    assert [load.is_high(7.0) for _ in range(51)][-2:] == [False, True]
    assert load.is_high(8.5)
    assert not load.is_high(11.0)


def test_seconds_of_little_load_do_not_add_up() -> None:
    """Each begins anew."""
    load = Load(2)
    assert not any(load.is_high(float(second)) for second in range(10) for _ in range(2))
