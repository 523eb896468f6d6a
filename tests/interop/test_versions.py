"""tests/interop/versions: what it builds, reads and prints; the scenarios themselves are a command."""

from __future__ import annotations

import pytest

from tests.interop.cometnode import Commands, set_key_in_either_spelling
from tests.interop.gobuild import node_package
from tests.interop.versions.__main__ import VERSIONS, runs_of
from tests.interop.versions.findings import Finding, table_of
from tests.interop.versions.ours import samples, total
from tests.interop.versions.scenarios import SCENARIOS
from tests.interop.versions.strangers import MEETINGS, STRANGERS

EXPOSITION = """\
# HELP cometbft_p2p_bans_total Bans put on peers, by reason.
# TYPE cometbft_p2p_bans_total counter
cometbft_p2p_bans_total{chain_id="test",reason="unasked"} 2.0
cometbft_p2p_bans_total{chain_id="test",reason="invalid"} 1.0
# HELP cometbft_p2p_peers Number of peers.
# TYPE cometbft_p2p_peers gauge
cometbft_p2p_peers{chain_id="test"} 4.0
"""


@pytest.mark.parametrize(
    ("version", "package"),
    [
        ("v0.33.9", "github.com/tendermint/tendermint/cmd/tendermint"),
        ("v0.34.24", "github.com/tendermint/tendermint/cmd/tendermint"),
        ("v0.34.35", "github.com/tendermint/tendermint/cmd/cometbft"),  # its module has another's name
        ("v0.35.9", "github.com/tendermint/tendermint/cmd/tendermint"),
        ("v0.38.26", "github.com/cometbft/cometbft/cmd/cometbft"),
        ("v1.0.1", "github.com/cometbft/cometbft/cmd/cometbft"),
        ("v2.0.0-rc1", "github.com/cometbft/cometbft/v2/cmd/cometbft"),
    ],
)
def test_each_version_is_built_from_its_own_module(version: str, package: str) -> None:
    """Tendermint's until v0.34.27 and v0.35, CometBFT's else; Go wants the major version in the name from 2 on."""
    assert node_package(version) == package


def test_lines_that_call_things_otherwise_are_understood() -> None:
    """v0.33 has `node`, v0.35 a mode at `init` and hyphens in its keys."""
    assert (Commands.of("v0.33.9").start, Commands.of("v0.38.26").start) == ("node", "start")
    assert Commands.of("v0.35.9").init == ("init", "validator")
    for spelling in ("addr_book_strict", "addr-book-strict"):
        text = f"[p2p]\n{spelling} = true\n"
        assert (
            set_key_in_either_spelling(text, "p2p", "addr_book_strict", False)
            == f"[p2p]\n{spelling} = false\n"
        )
    with pytest.raises(KeyError):
        set_key_in_either_spelling("[p2p]\n", "p2p", "addr_book_strict", False)


def test_metrics_are_read_by_name_and_label() -> None:
    """The chain's name is no label here; a metric that nobody counted is 0."""
    found = samples(EXPOSITION)
    assert found["p2p_bans_total"] == {("unasked",): 2.0, ("invalid",): 1.0}
    assert found["p2p_peers"] == {(): 4.0}
    assert (total(found, "p2p_bans_total"), total(found, "p2p_dials_total")) == (3, 0)


def test_every_scenario_runs_once_with_every_version() -> None:
    """Strangers have meetings of their own, and are built from a version that Go knows."""
    runs = runs_of((*VERSIONS, *STRANGERS), tuple(SCENARIOS))
    places = [(run.node, run.scenario) for run in runs]
    assert len(set(places)) == len(places)
    assert set(places) == {(node, scenario) for node in VERSIONS for scenario in SCENARIOS} | {
        (node, meeting) for node in STRANGERS for meeting in MEETINGS
    }
    for run in runs:
        assert node_package(run.version)


def test_a_finding_says_first_what_must_not_be() -> None:
    """And the table shows where to look."""
    good = Finding("v1", "restart", 12.0, ("0 bans",), ())
    bad = Finding("v2", "restart", 9.0, ("connected",), ("3 bans",))
    assert str(good) == "v1 restart (12 s) holds: 0 bans"
    assert str(bad) == "v2 restart (9 s) FAILS: 3 bans (seen: connected)"
    assert table_of([bad, good], ("v1", "v2", "v3"), ("pex", "restart")).splitlines() == [
        "    restart",
        "v1  holds",
        "v2  FAILS",
    ]
