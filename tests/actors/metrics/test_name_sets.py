"""actors/metrics/name_sets.py: the names, types and labels that CometBFT's versions have, read from their sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peerage.actors.metrics.app import SharedAggregate
from peerage.actors.metrics.buffer import Labels, MetricsDelta, Observations, Series
from peerage.actors.metrics.families import FAMILIES, families_by_name
from peerage.actors.metrics.name_sets import DEFAULT_NAME_SET, NAME_SETS
from peerage.actors.metrics.samples import MetricSamples
from peerage.actors.metrics.settings import MetricsSettings
from peerage.config.errors import ConfigError
from peerage.config.sections import PeerageConfig

RECORDED = json.loads((Path(__file__).parents[2] / "vectors/metrics.json").read_text())["versions"]
VERSIONS = {
    "Tendermint v0.34.24": "v0.34",
    "CometBFT v0.34.35": "v0.34",
    "CometBFT v0.37.18": "v0.38",
    "CometBFT v0.38.26": "v0.38",
    "CometBFT v0.40.0": "v0.40",
    "CometBFT v1.0.1": "v1",
}
# Of v0.40's: its reactors have queues in the process of the switch, ours are processes.
NOT_OURS = {
    "p2p_messages_received",
    "p2p_messages_reactor_in_flight",
    "p2p_messages_reactor_pending_duration",
    "p2p_message_reactor_receive_duration",
    "p2p_message_reactor_queue_concurrency",
}
THEIRS = {family.name for family in FAMILIES[:7]}  # v0.38's; the others are ours in every set


@pytest.mark.parametrize("version", RECORDED)
def test_names_types_and_labels_are_the_versions(version: str) -> None:
    """No name more or less among those that are CometBFT's."""
    names = NAME_SETS[VERSIONS[version]]
    found = {}
    for family in FAMILIES:
        own = names.family(family)
        if own is not None and family.name in THEIRS:
            found[own.name] = (own.kind.value, list(own.labels))
    recorded = {each["name"]: (each["type"], each["labels"]) for each in RECORDED[version]}
    assert {name: facts for name, facts in recorded.items() if name not in NOT_OURS} == found
    assert NOT_OURS.isdisjoint(recorded) or set(recorded) > NOT_OURS


@pytest.mark.parametrize("name", NAME_SETS)
def test_our_own_metrics_are_the_same_in_every_set(name: str) -> None:
    own = [family for family in FAMILIES if family.name not in THEIRS]
    assert own == [NAME_SETS[name].family(family) for family in own]


def test_sets_are_those_that_the_configuration_takes() -> None:
    """It cannot import them."""
    assert PeerageConfig().metric_names == DEFAULT_NAME_SET
    for name in NAME_SETS:
        assert PeerageConfig(metric_names=name).metric_names == name
    with pytest.raises(ConfigError):
        PeerageConfig(metric_names="v0.35")


def test_message_types_of_v1_have_its_package() -> None:
    """Types of one name in several packages are one series there, and here."""
    family = families_by_name(FAMILIES)["p2p_message_send_bytes_total"]
    values: dict[Labels, float | Observations] = {
        ("p2p_PexRequest",): 1.0,
        ("blocksync_StatusRequest",): 2.0,
        ("x_StatusRequest",): 4.0,
        ("other",): 8.0,
    }
    shown = NAME_SETS["v1"].shown(MetricSamples(family, values))
    assert shown is not None
    assert shown.values == {("v1_PexRequest",): 1.0, ("v1_StatusRequest",): 6.0, ("other",): 8.0}


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        ("v0.38", "p2p_peer_pending_send_bytes", "p2p_peer_send_queue_size"),
        ("v0.40", "p2p_peer_send_queue_size", "p2p_peer_pending_send_bytes"),
        ("v1", "p2p_peer_pending_send_bytes", "p2p_peer_send_bytes_total"),
    ],
)
def test_scrape_has_the_names_of_its_set(name: str, present: str, absent: str) -> None:
    """From the sources, which know one set only, to the page."""
    shared = SharedAggregate(MetricsSettings("test", metric_names=name), FAMILIES)
    counters: dict[Series, float] = {("p2p_peer_send_bytes_total", ("ab", "0x0")): 5.0}
    shared.add(MetricsDelta("a", counters, {("p2p_peer_pending_send_bytes", ("ab",)): 3.0}))
    found = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in shared.collect()
    }
    assert f"cometbft_{present}" in found
    assert f"cometbft_{absent}" not in found
