"""Resolutions: the values that a number of sources add up to, where each comes from, and what was wrong or odd."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from peerage.config.errors import Mistake, UnfitValueError
from peerage.config.quoting import shown
from peerage.config.setting import Setting


@dataclass(slots=True)
class Resolution:
    """Converted and checked values, by setting name; a setting that is missing here has its default."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    def settle(self, setting: Setting[Any], read: Callable[[Any], Any], raw: object, source: str) -> None:
        """Store the value that `read` makes of `raw`, or record the mistake."""
        self.sources[setting.name] = source
        try:
            self.values[setting.name] = read(raw)
        except UnfitValueError as error:
            found = shown(error.found)
            self.mistakes.append(Mistake(setting.name, source, found, setting.allowed, error.reason))
