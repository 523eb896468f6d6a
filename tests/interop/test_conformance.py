"""peerage conform against a real node of CometBFT, and the page that shows all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.conformance.suite import GROUPS, chosen
from tests.interop.conformance.__main__ import KNOWN
from tests.interop.conformance.nodes import OURS, VERSIONS, Place, conform, failed
from tests.interop.conftest import StartCometNode

PAGE = Path(__file__).parents[2] / "docs/reference/conformance.md"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_cometbft_fails_what_it_is_known_to_fail(comet_node: StartCometNode) -> None:
    """Ephemeral keys of another length than 32 bytes, and nothing else: handshakes, packets, peer exchange."""
    node = comet_node()
    groups = [f"--only={key}" for key in ("honest", "keys", "packets", "pings", "pex")]
    report = conform(Place(node.address, ""), "--patience=5s", *groups)
    assert tuple(failed(report)) == KNOWN
    assert {case["detail"] for case in report["cases"] if case["result"] == "left out"} == {
        "it waits for a ping and its pong: --slow",
        "the node must dial us: --rpc",
    }


def test_the_page_has_every_case_and_every_node() -> None:
    """`python -m tests.interop.conformance --write` makes it."""
    text = PAGE.read_text()
    nodes = " | ".join((OURS, *(f"CometBFT {version}" for version in VERSIONS)))
    assert f"|  | {nodes} |" in text
    assert [group.name for group in GROUPS if f"## {group.name}\n" not in text] == []
    assert [
        case.name
        for _group, case in chosen(widely=True)
        if f"| {case.name} | {case.rule.section} | {case.rule.text} |" not in text
    ] == []
