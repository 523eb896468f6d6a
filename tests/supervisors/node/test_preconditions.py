"""What must hold before a node starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peerage.config import Config
from peerage.config.errors import ConfigError, HomeError
from peerage.supervisors.node import preconditions
from peerage.supervisors.node.errors import SeedsUnresolvedError
from peerage.wire.net_address import AddressLookupError
from tests.nodes import node_config

SEED = f"{'ab' * 20}@seed.invalid:26656"


def config(home: Path, **p2p: Any) -> Config:
    return node_config(home, p2p=p2p)


def unresolved(host: str) -> Any:
    raise AddressLookupError(host, "no such name")


@pytest.fixture
def nothing_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preconditions, "resolve_host", unresolved)


@pytest.mark.usefixtures("nothing_resolves")
def test_no_seed_that_resolves_and_no_address_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names each seed and its cause; with an address in the book the node finds others."""
    seeds = config(tmp_path, pex=True, seeds=(SEED,))
    with pytest.raises(SeedsUnresolvedError) as caught:
        preconditions.check_seeds(seeds)
    assert list(caught.value.causes) == [SEED]
    monkeypatch.setattr(preconditions, "_book_is_empty", lambda _config: False)
    preconditions.check_seeds(seeds)


@pytest.mark.usefixtures("nothing_resolves")
def test_seeds_do_not_matter_without_peer_exchange(tmp_path: Path) -> None:
    """Nor when there are none."""
    preconditions.check_seeds(config(tmp_path, pex=False, seeds=(SEED,)))
    preconditions.check_seeds(config(tmp_path, pex=True, seeds=()))


def test_a_store_that_cannot_be_written_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names it."""
    there = config(tmp_path)
    there.home.addrbook_store.parent.mkdir(parents=True)
    preconditions.check_store(there)
    monkeypatch.setattr(preconditions, "write_fault", lambda _store: "cannot be written")
    with pytest.raises(HomeError, match="the address book cannot be written"):
        preconditions.check_store(there)


def test_a_name_that_nobody_finds_us_by_is_a_mistake(tmp_path: Path) -> None:
    """An external address must resolve; none at all is no mistake."""
    preconditions.check_hosts(config(tmp_path))
    with pytest.raises(ConfigError, match="external_address"):
        preconditions.check_hosts(config(tmp_path, external_address="tcp://host.invalid:26656"))
