"""Configured peers whose names have no address now."""

from __future__ import annotations

from pathlib import Path

from peerage.commands.unresolved_peers import unresolved_peers
from peerage.config import Config

ID = "ab" * 20
GOOD, GONE, LITERAL = f"{ID}@good.example:1", f"{ID}@gone.example:1", f"{ID}@1.2.3.4:1"


def resolve(name: str) -> list[str]:
    return ["1.2.3.4"] if name == "good.example" else []


def config_of(home: Path, **p2p: object) -> Config:
    return Config(home=home, network="n", p2p=p2p)


def test_each_name_without_an_address_is_a_line_with_its_setting(tmp_path: Path) -> None:
    """IP addresses are not looked up, and what stands there twice is told once."""
    config = config_of(tmp_path, persistent_peers=[GOOD, GONE, GONE], seeds=[LITERAL, GONE])
    assert unresolved_peers(config, resolve) == {
        key: [f'{key}: "{GONE}": the name has no address'] for key in ("p2p.persistent_peers", "p2p.seeds")
    }


def test_seeds_that_nobody_asks_are_not_looked_up(tmp_path: Path) -> None:
    """Without peer exchange."""
    assert unresolved_peers(config_of(tmp_path, seeds=[GONE], pex=False), resolve) == {}


def test_all_is_well(tmp_path: Path) -> None:
    assert unresolved_peers(config_of(tmp_path, persistent_peers=[GOOD], seeds=[LITERAL]), resolve) == {}
