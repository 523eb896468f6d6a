"""What a number of sources come to."""

from __future__ import annotations

import pytest

from peerage.config.errors import Mistake
from peerage.config.resolution import Resolution
from peerage.config.sections import SETTINGS

BY_NAME = {setting.name: setting for setting in SETTINGS}


def test_a_value_that_fits_is_kept_with_its_source() -> None:
    resolution = Resolution()
    setting = BY_NAME["p2p.send_rate"]
    resolution.settle(setting, setting.from_text, "12", "flag --p2p.send_rate")
    assert resolution.values == {"p2p.send_rate": 12}
    assert resolution.sources == {"p2p.send_rate": "flag --p2p.send_rate"}
    assert resolution.mistakes == []


@pytest.mark.parametrize("raw", ["fast", "-1"])
def test_a_value_that_does_not_fit_is_a_mistake_that_names_all_of_it(raw: str) -> None:
    """The setting, the source of the value, the value, and what is allowed."""
    resolution = Resolution()
    setting = BY_NAME["p2p.send_rate"]
    resolution.settle(setting, setting.from_text, raw, "environment X")
    assert resolution.values == {}
    (mistake,) = resolution.mistakes
    assert mistake == Mistake(
        "p2p.send_rate", "environment X", mistake.found, setting.allowed, mistake.reason
    )
    assert raw in mistake.found


def test_the_last_source_is_the_one_that_counts() -> None:
    resolution = Resolution()
    setting = BY_NAME["p2p.pex"]
    resolution.settle(setting, setting.from_toml, raw=True, source="file")
    resolution.settle(setting, setting.from_text, "false", "flag")
    assert (resolution.values["p2p.pex"], resolution.sources["p2p.pex"]) == (False, "flag")
