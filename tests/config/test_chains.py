"""The chains of a seed: on the command line, and as tables of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.config.chains import (
    BASE_PORT,
    Chain,
    ChainTable,
    chain_home,
    chains_file,
    parse_chain,
    read_chains,
)
from peerage.config.errors import ConfigError, UnfitValueError
from peerage.config.home import Home

SEEDS = f"{'ab' * 20}@203.0.113.5:26656"


def read(path: Path, text: str) -> ChainTable:
    path.write_text(text)
    return read_chains(path)


def mistakes(path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(path, text)
    return [str(each) for each in caught.value.mistakes]


def test_a_chain_is_named_with_its_seeds() -> None:
    """Without any it has those of its own configuration."""
    assert parse_chain(f"my-chain={SEEDS},{SEEDS}") == Chain("my-chain", {"p2p.seeds": f"{SEEDS},{SEEDS}"})
    assert parse_chain("evmos_9001-2=") == Chain("evmos_9001-2")


@pytest.mark.parametrize(
    "text",
    ["", "my-chain", "=seeds", "../up=", "a/b=", ".hidden=", "with space=", "x" * 51 + "="],
    ids=["empty", "no seeds", "no ID", "path", "slash", "hidden", "space", "too long"],
)
def test_what_is_no_chain_is_said(text: str) -> None:
    """An ID is a directory's name, too."""
    with pytest.raises(UnfitValueError, match="allowed: "):
        parse_chain(text)


def test_files_of_a_home() -> None:
    """Each chain has a home below the seed's."""
    home = Home(Path("/srv/seed"))
    assert str(chains_file(home)) == "/srv/seed/config/chains.toml"
    assert str(chain_home(home, "my-chain")) == "/srv/seed/chains/my-chain"


def test_a_file_has_tables_of_chains_with_any_setting(tmp_path: Path) -> None:
    """By the names that config.toml has for them."""
    table = read(
        tmp_path / "chains.toml",
        f"""
        port = 30000
        shared_key = true
        metrics = "127.0.0.1:26660"
        dashboard_at = ":26661"
        [chains.my-chain]
        seeds = ["{SEEDS}", "{SEEDS}"]
        port = 30007
        moniker = "a seed"
        p2p.max_num_inbound_peers = 100
        p2p.addr_book_strict = false
        [chains."v1.0"]
        """,
    )
    assert table == ChainTable(
        (
            Chain(
                "my-chain",
                {
                    "p2p.seeds": f"{SEEDS},{SEEDS}",
                    "moniker": "a seed",
                    "p2p.max_num_inbound_peers": "100",
                    "p2p.addr_book_strict": "false",
                },
                30007,
            ),
            Chain("v1.0"),
        ),
        30000,
        shared_key=True,
        metrics="127.0.0.1:26660",
        dashboard_at=":26661",
    )


def test_the_command_line_adds_chains_and_replaces_seeds(tmp_path: Path) -> None:
    """All else of a chain's table stays."""
    table = read(tmp_path / "chains.toml", "[chains.a]\nseeds = 'x'\nport = 7")
    assert table.port == BASE_PORT
    assert table.with_chains([parse_chain("a=y"), parse_chain("b=")]).chains == (
        Chain("a", {"p2p.seeds": "y"}, 7),
        Chain("b"),
    )
    assert table.with_chains([parse_chain("a=")]).chains == table.chains


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[chains.a]\nsedes = 'x'", "chains.a.sedes: found an unknown key"),
        ("[chains.a]\nsedes = 'x'", "allowed: seeds, port, or a setting of config.toml"),
        ("prot = 1", "did you mean port?"),
        ("zzz = 1", "allowed: chains, port, shared_key, metrics, dashboard_at"),
        ("[my-chain]\nseeds = 'x'", "my-chain: found an unknown table"),
        ("[my-chain]\nseeds = 'x'", "allowed: [chains.my-chain] for a chain"),
        ("port = 70000", "port: found 70000"),
        ("shared_key = 'yes'", 'shared_key: found "yes"'),
        ("metrics = 5", "metrics: found 5"),
        ("chains = 5", "chains: found 5"),
        ("[chains]\na = 5", "chains.a: found 5"),
        ("[chains.'../up']", 'chains.../up: found "../up"'),
        ("[chains.a]\nport = true", "chains.a.port: found true"),
        ("[chains.a]\nseeds = 5.5\np2p.seeds = 'x'", "chains.a.seeds: found it beside p2p.seeds"),
        ("[chains.a]\nport = 5\np2p.laddr = 'x'", "chains.a.port: found it beside p2p.laddr"),
        ("[chains.a]\npeerage.network = 'b'", "chains.a.peerage.network: found"),
        ("[chains.a]\np2p.seeds = [1]", "chains.a.p2p.seeds: found [1]"),
        ("[chains.a]\np2p = 1", "chains.a.p2p: found 1"),
        ("[chains.a", "an error: "),
    ],
    ids=lambda text: repr(text)[:40],
)
def test_each_mistake_names_the_key_and_what_is_allowed(tmp_path: Path, text: str, expected: str) -> None:
    """In one line each."""
    found = mistakes(tmp_path / "chains.toml", text)
    assert any(expected in each for each in found), found


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """One that is missing is the caller's to judge."""
    with pytest.raises(FileNotFoundError):
        read_chains(tmp_path / "none")
    with pytest.raises(ConfigError, match="regular file"):
        read_chains(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="readable file"):
        read_chains(tmp_path / "loop")


def test_what_looks_odd_in_a_section_is_a_warning(tmp_path: Path) -> None:
    """As in config.toml."""
    table = read(tmp_path / "chains.toml", "[chains.a]\np2p.ladr = 'tcp://127.0.0.1:1'")
    assert [warning.partition(" ")[0] for warning in table.warnings] == ["chains.a.p2p.ladr"]
