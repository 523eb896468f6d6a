"""docs/howto/move.md: an operator of CometBFT who follows it gets there."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.wire.keys import NodeKey
from tests.docs.pages import claim, run

PAGE = "docs/howto/move.md"
TAKE_OVER = claim(PAGE, "--from")
MIGRATE = claim(PAGE, "migrate")
SET = claim(PAGE, "config set")
LOOK = claim(PAGE, "start")
COMPLETION = claim(PAGE, "completion")
VECTORS = Path(__file__).parents[1] / "vectors"
FREE_PORTS = {"PEERAGE_P2P_LADDR": "tcp://127.0.0.1:0", "PEERAGE_RPC_LADDR": ""}


@pytest.mark.timeout(120)
def test_the_page_from_top_to_bottom(tmp_path: Path) -> None:
    """With CometBFT's own file, in the spelling of v0.35."""
    gaia = tmp_path / ".gaia/config"
    gaia.mkdir(parents=True)
    old = (VECTORS / "config.toml").read_text().replace("persistent_peers =", "persistent-peers =")
    (gaia / "config.toml").write_text(old)
    key = NodeKey.generate()
    (gaia / "node_key.json").write_text(key.to_json())
    (gaia / "node_key.json").chmod(0o600)
    (gaia / "genesis.json").write_text('{"chain_id": "gaia-1"}')

    printed = run(tmp_path, TAKE_OVER.text)
    assert f"node ID: {key.node_id}" in printed
    assert "p2p.persistent-peers: now persistent_peers" in printed
    assert 'peerage.network = "gaia-1"' in printed
    assert "p2p.persistent-peers: now persistent_peers" in run(tmp_path, MIGRATE.text)
    assert (gaia / "config.toml").read_text() == old
    assert run(tmp_path, SET.text).splitlines()[-1] == "100"
    looked = run(tmp_path, LOOK.text, environment=FREE_PORTS)
    assert looked.splitlines()[-1] == "nothing would keep this node from starting"
    assert "100 inbound peers" in looked
    run(tmp_path, COMPLETION.text)
    assert (
        "_peerage_completion" in (tmp_path / ".local/share/bash-completion/completions/peerage").read_text()
    )
