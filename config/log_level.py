"""Log levels as CometBFT spells them: one for all ("info"), or by module ("p2p:debug,pex:error,*:info")."""

from collections.abc import Mapping
from types import MappingProxyType

# "critical" and "none" are above everything that we log as an error
LEVELS: Mapping[str, int] = MappingProxyType(
    {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50, "none": 60}
)
EVERY_MODULE = "*"
DEFAULT_LEVEL = "info"


def parse_log_level(text: str) -> dict[str, int]:
    """Levels by module; "*" is always among them.

    Raises: ValueError for an unknown level, an empty module name, or a level without a module beside others.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 1 and ":" not in parts[0]:
        return {EVERY_MODULE: _level(parts[0])}
    if not parts:
        raise ValueError(text)
    levels = {EVERY_MODULE: LEVELS[DEFAULT_LEVEL]}
    for part in parts:
        module, colon, level = part.partition(":")
        if not colon or not module:
            raise ValueError(text)
        levels[module] = _level(level)
    return levels


def _level(word: str) -> int:
    try:
        return LEVELS[word]
    except KeyError:
        raise ValueError(word) from None
