"""Peer exchange of a seed whose rounds come every second, and not every half a minute."""

from __future__ import annotations

from dataclasses import replace

from peerage.actors.reactors import pex

pex.PACE = replace(pex.PACE, crawl_period=1.0, visit_spread=0.5)


class QuickPex(pex.PexReactor):
    """As the base, in the process of whose reactor this module is."""
