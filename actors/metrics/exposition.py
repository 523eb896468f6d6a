"""The text format that a scraper gets: Prometheus's own, unless its Accept header prefers OpenMetrics (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

__all__ = ["OPENMETRICS", "PROMETHEUS_TEXT", "Exposition", "chosen_exposition"]

_OPENMETRICS: Final = "application/openmetrics-text"
_TEXT: Final = frozenset({"text/plain", "text/*", "*/*"})
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Exposition:
    """A format: its media type, and the function that writes it."""

    content_type: str
    generate: Callable[[CollectorRegistry], bytes]


def _openmetrics(version: str) -> Exposition:
    return Exposition(f"{_OPENMETRICS}; version={version}; charset=utf-8", generate_openmetrics)


# prometheus-client may announce a later version, but what it writes is this one, since none of our names needs quotes.
PROMETHEUS_TEXT: Final = Exposition("text/plain; version=0.0.4; charset=utf-8", generate_latest)
OPENMETRICS: Final = _openmetrics("1.0.0")
_VERSIONS: Final = {"": OPENMETRICS, "1.0.0": OPENMETRICS, "0.0.1": _openmetrics("0.0.1")}


def chosen_exposition(accept: str) -> Exposition:
    """The format for an Accept header: the supported one with the greatest weight; among equals, the one named first.

    If no supported format is accepted, or the header cannot be parsed, it is Prometheus's text, as in CometBFT.
    """
    best, best_weight = PROMETHEUS_TEXT, 0.0
    for each in accept.split(","):
        media_type, *rest = (part.strip().lower() for part in each.split(";"))
        parameters = {
            name.strip(): value.strip(' "') for name, _, value in (part.partition("=") for part in rest)
        }
        weight = parameters.get("q", "1")
        if not _WEIGHT.fullmatch(weight) or float(weight) <= best_weight:
            continue
        if media_type == _OPENMETRICS and parameters.get("version", "") in _VERSIONS:
            best, best_weight = _VERSIONS[parameters.get("version", "")], float(weight)
        elif media_type in _TEXT:
            best, best_weight = PROMETHEUS_TEXT, float(weight)
    return best
