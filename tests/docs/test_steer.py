"""docs/howto/steer.md: each of its commands is run on a node, in the order of the page."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from peerage.supervisors.node.reloading import LIVE
from tests.chaos.started_node import StartedNode, make_home
from tests.docs.pages import CHECKOUT, Block, claim, run
from tests.nodes import wait_until

PAGE = "docs/howto/steer.md"
LOOK, FILES, ADD, END, BAN, BOOK, CLEAN, LEVEL, RELOAD, LIMITS, STACK, DUMP = (
    claim(PAGE, text)
    for text in (
        "--sort age", "--output status.json", "peers add", "peers close", "bans add", "addrbook export", "addrbook clean",
        "log-level info", "peerage reload", "http://node/limits", "peerage stack", "debug dump",
    )
)  # fmt: skip


@pytest.mark.timeout(180)  # it is thirty commands
def test_every_command_of_the_page_does_what_it_says(tmp_path: Path) -> None:
    """One after the other, as an operator would."""
    home, far = tmp_path / ".peerage", tmp_path / "other"
    for each in (home, far):
        make_home(each)

    with StartedNode(far, peer_hosts="1") as other, StartedNode(home, peer_hosts="1") as node:

        def do(block: Block) -> str:
            text = block.text.replace("ID@203.0.113.7:26656", other.address).replace("ID", other.node_id)
            return run(tmp_path, text)

        shown = do(LOOK)
        assert f"address    {node.address}" in shown
        assert "0 peers, 0 in, 0 out" in shown
        do(FILES)
        assert json.loads((tmp_path / "status.json").read_text())["address"] == node.address
        assert json.loads((tmp_path / "peers.json").read_text()) == []
        do(ADD)
        wait_until(lambda: other.node_id in node.peers())
        shown = do(END)
        assert "will be dialled again" in shown
        assert f"{other.node_id} is not persistent any more" in shown
        assert "scans us" in do(BAN)
        shown = do(BOOK)
        assert "addresses imported" in shown
        assert "1 addresses added" in shown
        assert "1 addresses removed" in do(CLEAN)
        assert do(LEVEL).splitlines() == ["switch:debug,pex:debug,*:info", "info", "info"]
        assert do(RELOAD) == "p2p.max_num_inbound_peers: 40 -> 80\n"
        assert '"inbound":"60"' in do(LIMITS)
        assert "idle: " in do(STACK)
        do(DUMP)
        with tarfile.open(tmp_path / "node.tar.gz") as archive:
            assert "node/stacks.txt" in archive.getnames()
        assert node.stop()[0] == 0


def test_the_page_names_every_setting_that_counts_at_once() -> None:
    """And no other in its table."""
    text = (CHECKOUT / PAGE).read_text()
    table = text.partition("What counts at once:")[2].partition("All others need a restart")[0]
    named = {name.rpartition(".")[2] for name in LIVE}
    assert {part.rpartition(".")[2] for part in table.split("`")[1::2]} == named
