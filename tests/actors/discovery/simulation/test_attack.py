"""The kinds of attack."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.simulation.attack import ATTACKS, Attack


def test_there_are_ten_and_they_differ() -> None:
    assert len(ATTACKS) == 10
    assert len(set(ATTACKS.values())) == 10
    assert len({attack.about for attack in ATTACKS.values()}) == 10


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_each_can_be_carried_out(attack: Attack) -> None:
    """Its addresses find room in its groups."""
    assert 0 < attack.addresses <= attack.groups * 65_534
    assert attack.every_s > 0
    assert attack.stay_s > 0
    assert 0.0 <= attack.seeds <= 1.0
