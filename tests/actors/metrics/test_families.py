"""The metrics there are: what dashboards and Prometheus's own linter expect of their names."""

from __future__ import annotations

import re

import pytest

from peerage.actors.metrics.families import (
    FAMILIES,
    MetricFamily,
    MetricKind,
    channel_label,
    families_by_name,
    message_type_label,
)
from peerage.wire.proto import pex_pb2


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_are_good_style(family: MetricFamily) -> None:
    """Lower case; only counters end in _total; a histogram has ascending buckets; each has a help text of a line."""
    assert re.fullmatch(r"(p2p|actor)_[a-z0-9_]+", family.name)
    assert family.name.endswith("_total") is (family.kind is MetricKind.COUNTER)
    assert bool(family.buckets) is (family.kind is MetricKind.HISTOGRAM)
    assert list(family.buckets) == sorted(set(family.buckets))
    assert re.fullmatch(r"[^\n]+\.", family.help)
    assert "chain_id" not in family.labels


def test_a_peers_id_is_found_among_the_labels() -> None:
    """Series of a peer go when it has left."""
    table = families_by_name(FAMILIES)
    assert table["p2p_peer_send_bytes_total"].peer_index == 0
    assert table["p2p_peers"].peer_index is None


def test_a_name_declared_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="metric p2p_peers is declared twice"):
        families_by_name([*FAMILIES, FAMILIES[0]])


def test_labels_are_written_as_cometbft_writes_them() -> None:
    assert [channel_label(channel) for channel in (0, 0x20, 0xFF)] == ["0x0", "0x20", "0xff"]
    assert message_type_label(pex_pb2.PexRequest) == "p2p_PexRequest"
