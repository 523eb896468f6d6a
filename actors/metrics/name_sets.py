"""Which version of CometBFT the names of its metrics are from: dashboards and alerts are written for one of them.

Our own metrics have the same names in all sets. Source: p2p/metrics.go and metrics.gen.go of v0.34.35 (the same as
Tendermint v0.34.24's), v0.38.26, v0.40.0 and v1.0.1, whose lists are in tests/vectors/metrics.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from peerage.actors.metrics.buffer import Labels, Observations
from peerage.actors.metrics.families import MetricFamily
from peerage.actors.metrics.samples import MetricSamples

__all__ = ["DEFAULT_NAME_SET", "NAME_SETS", "NameSet"]

MESSAGE_TYPE: Final = "message_type"


@dataclass(frozen=True, slots=True)
class NameSet:
    """How this set differs from v0.38's names, which the families have.

    Args:
        renamed: v0.38's name → this set's.
        absent: those of v0.38 that it does not have.
        package: in place of the Go package that a `message_type` begins with; empty: as it is.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    package: str = ""

    def family(self, family: MetricFamily) -> MetricFamily | None:
        """The family as this set has it; None if it does not."""
        if family.name in self.absent:
            return None
        return replace(family, name=self.renamed.get(family.name, family.name))

    def shown(self, samples: MetricSamples) -> MetricSamples | None:
        """A metric as this set has it; None if it does not."""
        family = self.family(samples.family)
        if family is None:
            return None
        if not self.package or MESSAGE_TYPE not in family.labels:
            return MetricSamples(family, samples.values)
        index = family.labels.index(MESSAGE_TYPE)
        values: dict[Labels, float | Observations] = {}
        for labels, value in samples.values.items():
            assert not isinstance(value, Observations)
            own = (*labels[:index], self._own_type(labels[index]), *labels[index + 1 :])
            held = values.get(own, 0.0)
            assert not isinstance(held, Observations)
            values[own] = held + value
        return MetricSamples(family, values)

    def _own_type(self, message_type: str) -> str:
        package, separator, name = message_type.partition("_")
        return f"{self.package}_{name}" if separator and package else message_type


_V1: Final = NameSet(
    absent=frozenset({"p2p_peer_receive_bytes_total", "p2p_peer_send_bytes_total"}),
    package="v1",  # the last part of api/cometbft/p2p/v1, whatever the message
)
NAME_SETS: Final[Mapping[str, NameSet]] = MappingProxyType(
    {
        "v0.34": NameSet(),
        "v0.38": NameSet(),
        "v0.40": NameSet(renamed={"p2p_peer_pending_send_bytes": "p2p_peer_send_queue_size"}),
        "v1": _V1,
    }
)
DEFAULT_NAME_SET: Final = "v0.38"
