"""The vector files this room is checked against."""

import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"
CONFIG_TOML = VECTORS / "config.toml"
P2P: dict[str, Any] = json.loads((VECTORS / "config_p2p.json").read_text())
KEYS: dict[str, Any] = json.loads((VECTORS / "keys.json").read_text())


def name_of(case: dict[str, Any]) -> str:
    """The name of a test for one case."""
    return str(case.get("name") or case.get("toml") or case.get("key"))
