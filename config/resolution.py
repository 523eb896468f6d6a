"""What a number of sources come to: values by setting name, where each is from, and what was wrong or odd."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from peerage.config.errors import Mistake, UnfitValueError
from peerage.config.quoting import shown
from peerage.config.setting import Setting


@dataclass(slots=True)
class Resolution:
    """Values converted and checked, by setting name; what is not in here has its default."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    def settle(self, setting: Setting[Any], read: Callable[[Any], Any], raw: object, source: str) -> None:
        """Take the value that `read` makes of `raw`, or note the mistake."""
        self.sources[setting.name] = source
        try:
            self.values[setting.name] = read(raw)
        except UnfitValueError as error:
            found = shown(error.found)
            self.mistakes.append(Mistake(setting.name, source, found, setting.allowed, error.reason))
