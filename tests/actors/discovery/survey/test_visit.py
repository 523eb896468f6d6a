"""What came of a visit, in words."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.survey.visit import Errand, Fault, Visited
from tests.actors.discovery.nodes import address


@pytest.mark.parametrize(
    ("fault", "detail", "trouble"),
    [
        (None, "", ""),
        (Fault.UNREACHABLE, "Connection refused", "Connection refused"),
        (Fault.SILENT, "", "silent"),
        (Fault.OTHER_NETWORK, "theta-testnet", "other network: theta-testnet"),
    ],
)
def test_trouble_names_the_fault_unless_its_detail_says_it_all(
    fault: Fault | None, detail: str, trouble: str
) -> None:
    """A report has one column for it."""
    assert Visited("1.2.3.4:5", 0.0, fault=fault, detail=detail).trouble == trouble


def test_an_errand_leads_to_a_place_whoever_is_there() -> None:
    """An IPv6 address stands in brackets, as it is dialled."""
    assert Errand(address(1, "2600::1")).place == "[2600::1]:26656"
