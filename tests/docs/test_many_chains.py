"""docs/howto/many-chains.md: its commands are run on a seed of two chains."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil
import pytest

from peerage.config.chains import read_chains
from tests.chaos import many_chains
from tests.chaos.many_chains import RunningSeed
from tests.docs.pages import blocks_of, claim, run
from tests.interop.cometnode import free_port

PAGE = "docs/howto/many-chains.md"
START = claim(PAGE, "peerage seed --chain")
STATUS = claim(PAGE, "--output chains.json")
STEER = claim(PAGE, "peerage peers list")
PAGES = claim(PAGE, "26661/dashboard/")
METRICS = claim(PAGE, "26660/metrics")
UNIT = claim(PAGE, "peerage systemd --seed")
CHAOS = claim(PAGE, "tests.chaos.many_chains --chains")
NOBODY = f"{'ab' * 20}@127.0.0.1:1"
CHAINS = ("my-chain", "other-chain")


def test_the_unit_starts_a_seed(tmp_path: Path) -> None:
    """Of the chains in its home."""
    assert "-m peerage seed --home /srv/seeds\n" in run(tmp_path, UNIT.text)


@pytest.mark.timeout(120)
def test_the_commands_of_the_page_work_on_its_seed(tmp_path: Path) -> None:
    """As an operator gives them. Lines of the log have their chain; Ctrl-C ends all."""
    (words,) = START.commands
    port, pages = str(free_port()), str(free_port())
    arguments = [
        word.replace("ID@seed.example.org:26656", NOBODY)
        .replace("ID@203.0.113.5:26656", NOBODY)
        .replace("26660", port)
        .replace("26661", pages)
        for word in words[2:]
    ]
    with RunningSeed(tmp_path / ".peerage", CHAINS, arguments=arguments) as seed:
        shown = run(tmp_path, STATUS.text)
        assert [line.split()[0] for line in shown.splitlines()] == ["CHAIN", *CHAINS]
        found = json.loads((tmp_path / "chains.json").read_text())
        assert {chain: each["address"] for chain, each in found.items()} == {
            chain: seed.address(chain) for chain in CHAINS
        }
        shown = run(tmp_path, STEER.text)
        assert f"address    {seed.address('my-chain')}" in shown
        assert "network    my-chain" in shown
        shown = run(tmp_path, METRICS.text.replace("26660", port).replace("curl", "curl -sS"))
        for chain in CHAINS:
            assert f'peerage_chain_up{{chain_id="{chain}"}} 1.0' in shown
        shown = run(tmp_path, PAGES.text.replace("26661", pages))
        assert "Chains of this seed" in shown
        assert '"chain": "other-chain", "state": "running", "is_up": true' in shown
        assert 'id="event-list"' in shown  # of the node's page
        for chain in CHAINS:
            for pid in seed.processes(chain):
                title = " ".join(psutil.Process(pid).cmdline())
                assert title.startswith(f"peerage[{chain}/"), title
        assert seed.stop(signal.SIGINT) == 0
        log = seed.log()
    started = [line for line in log.splitlines() if "node started" in line]
    assert sorted(line.partition("chain=")[2].split()[0] for line in started) == list(CHAINS)


def test_the_file_of_the_page_is_one(tmp_path: Path) -> None:
    """With both chains."""
    (block,) = (block for block in blocks_of(PAGE) if "[chains.my-chain]" in block.text)
    (tmp_path / "chains.toml").write_text(block.text)
    table = read_chains(tmp_path / "chains.toml")
    assert [chain.id for chain in table.chains] == list(CHAINS)
    assert (table.metrics, table.dashboard_at) == ("127.0.0.1:26660", "127.0.0.1:26661")
    assert table.chains[1].port == 26666


def test_the_full_form_takes_what_the_page_gives_it(capsys: pytest.CaptureFixture[str]) -> None:
    """It runs for half a minute: here its arguments are read. (In small: tests/interop.)"""
    ((_python, _m, module, *arguments),) = CHAOS.commands
    assert module == many_chains.__name__
    with pytest.raises(SystemExit) as ended:
        many_chains.main([*arguments, "--help"])
    assert ended.value.code == 0
    assert "--peers" in capsys.readouterr().out
