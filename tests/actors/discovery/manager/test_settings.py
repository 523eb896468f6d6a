"""Times and choices."""

from __future__ import annotations

import math
from dataclasses import fields

from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.discovery.manager.settings import COMETBFT_PACE, DiscoverySettings, Pace


def test_by_default_everything_takes_some_time_and_an_end() -> None:
    """No default is zero or infinite: those switch something off."""
    assert all(0 < getattr(Pace(), each.name) < math.inf for each in fields(Pace))


def test_what_cometbft_does_not_do_is_switched_off() -> None:
    """Its seeds hang up on nobody and visit nobody back; its nodes knock at seeds at any time."""
    off = COMETBFT_PACE
    assert (off.answer_limit, off.visits_back_at_once, off.seed_pause, off.hang_up) == (math.inf, 0, 0.0, 0.0)
    assert off.ensure_period == Pace().ensure_period


def test_settings_have_cometbfts_defaults() -> None:
    """10 outbound peers, 40 inbound ones, one of each IP address."""
    settings = DiscoverySettings()
    assert (settings.max_outbound, settings.max_inbound) == (10, 40)
    assert settings.ip_limits == IPLimits(per_ip=1, per_prefix=None)
