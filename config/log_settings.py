"""How a process logs, as a value: without what it takes to do it, which most commands never need."""

from dataclasses import dataclass

from peerage.config.log_level import DEFAULT_LEVEL


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How to log. level: as log_level in config.toml; format: "plain" or "json"."""

    level: str = DEFAULT_LEVEL
    format: str = "plain"
