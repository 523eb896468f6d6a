"""Metrics that nobody collects, for parts of a peer host that are tested alone."""

from __future__ import annotations

from typing import Any

__all__ = ["MetricsOff"]


class MetricsOff:
    """As MetricsReporter, off."""

    is_on = False

    def gauge(self, *_: Any) -> None:
        pass
