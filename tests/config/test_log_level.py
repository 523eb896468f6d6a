import pytest

from peerage.config.log_level import parse_log_level


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("info", {"*": 20}),
        ("debug", {"*": 10}),
        ("none", {"*": 60}),
        ("main:info,state:info,statesync:info,*:error", {"main": 20, "state": 20, "statesync": 20, "*": 40}),
        ("p2p:debug", {"*": 20, "p2p": 10}),
    ],
)
def test_levels(text: str, levels: dict[str, int]) -> None:
    """One level for everything, or levels by module as in CometBFT's files."""
    assert parse_log_level(text) == levels


@pytest.mark.parametrize(
    "text", ["", ",", "loud", "p2p:loud", "p2p:", ":info", "info,debug", "INFO", "a:b:info"]
)
def test_no_levels(text: str) -> None:
    """Other texts are refused."""
    with pytest.raises(ValueError):
        parse_log_level(text)
