"""What must hold before a node starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime.control_groups import Use
from peerage.config import Config
from peerage.config.errors import ConfigError, HomeError
from peerage.supervisors.node import preconditions
from peerage.supervisors.node.errors import NodeLimitError, OwnNameUnresolvedError, SeedsUnresolvedError
from peerage.supervisors.node.preconditions import NameChecks, check_cluster, check_limits
from peerage.supervisors.node.room_to_start import SystemLimits
from tests.nodes import node_config

SEED, OTHER, SILENT = (f"{'ab' * 20}@{name}.invalid:26656" for name in ("seed", "other", "silent"))
LITERAL = f"{'cd' * 20}@10.0.0.1:26656"
PATIENCE_S = 10.0
SOON_S = 0.05


def config(home: Path, **p2p: Any) -> Config:
    return node_config(home, p2p=p2p)


@pytest.fixture
def asked() -> list[str]:
    """The names that were looked up."""
    return []


@pytest.fixture(autouse=True)
def name_server(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Iterator[None]:
    """Knows "good.invalid", is silent about "silent.invalid" until the end, and knows nothing else."""
    speaks = threading.Event()

    def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        if host.startswith("silent"):
            speaks.wait(PATIENCE_S)
        if host.startswith("good"):
            return ["10.0.0.1"]
        raise OSError("no such name")

    monkeypatch.setattr(preconditions, "resolve_host", resolve)
    yield
    speaks.set()


def test_a_node_that_is_to_share_its_book_needs_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what to install. The cluster itself may come later."""
    shares = node_config(tmp_path, peerage={"cluster": "10.0.0.1:6379"})
    monkeypatch.setattr(preconditions, "find_spec", lambda _name: None)
    with pytest.raises(
        ConfigError, match=r"peerage\.cluster.*10\.0\.0\.1:6379.*pip install 'peerage\[ray\]'"
    ):
        check_cluster(shares)
    check_cluster(node_config(tmp_path))
    monkeypatch.setattr(preconditions, "find_spec", lambda _name: object())
    check_cluster(shares)


def test_a_node_that_has_no_room_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each HTTP service has a socket for each of its addresses."""
    monkeypatch.setattr(SystemLimits, "now", classmethod(lambda cls: cls(descriptors=Use(64, 12))))
    with pytest.raises(NodeLimitError, match=r"needs about 81 file descriptors .* 64 "):
        check_limits(4, node_config(tmp_path))
    served = node_config(
        tmp_path,
        rpc={"laddr": "tcp://127.0.0.1:0,tcp://127.0.0.1:0"},
        instrumentation={"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"},
    )
    with pytest.raises(NodeLimitError, match="needs about 84 file descriptors"):
        check_limits(4, served)
    monkeypatch.setattr(SystemLimits, "now", classmethod(lambda cls: cls(descriptors=Use(1024, 12))))
    check_limits(4, served)


def test_no_seed_that_resolves_and_no_address_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names each seed and its cause; with a bootstrap peer or an address in the book the node finds others."""
    seeds = config(tmp_path, pex=True, seeds=(SEED, OTHER))
    with pytest.raises(SeedsUnresolvedError) as caught:
        NameChecks(seeds, PATIENCE_S).check()
    assert caught.value.causes == {
        SEED: "host 'seed.invalid' was not found: no such name",
        OTHER: "host 'other.invalid' was not found: no such name",
    }
    NameChecks(seeds.replace(peerage={"bootstrap_peers": OTHER}), PATIENCE_S).check()
    monkeypatch.setattr(preconditions, "_book_is_empty", lambda _config: False)
    NameChecks(seeds, PATIENCE_S).check()


@pytest.mark.parametrize("more", ["good", "silent"])
def test_one_seed_that_may_be_found_is_enough(tmp_path: Path, more: str) -> None:
    """One that resolves, or one about which no name server has said anything: it is looked up again at its dial."""
    seeds = (SEED, f"{'ef' * 20}@{more}.invalid:26656", OTHER)
    assert NameChecks(config(tmp_path, pex=True, seeds=seeds), SOON_S).check() == ""


def test_a_seed_with_an_ip_address_needs_no_name_server(tmp_path: Path, asked: list[str]) -> None:
    """Nobody is asked, whatever the others are."""
    NameChecks(config(tmp_path, pex=True, seeds=(SILENT, LITERAL)), PATIENCE_S).check()
    assert asked == []


def test_seeds_do_not_matter_without_peer_exchange(tmp_path: Path, asked: list[str]) -> None:
    """Nor when there are none."""
    NameChecks(config(tmp_path, pex=False, seeds=(SEED,)), PATIENCE_S).check()
    NameChecks(config(tmp_path, pex=True, seeds=()), PATIENCE_S).check()
    assert asked == []


def test_a_store_that_cannot_be_written_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names it."""
    there = config(tmp_path)
    there.home.addrbook_store.parent.mkdir(parents=True)
    preconditions.check_store(there)
    monkeypatch.setattr(preconditions, "write_fault", lambda _store: "cannot be written")
    with pytest.raises(HomeError, match="the address book cannot be written"):
        preconditions.check_store(there)


def test_a_name_that_nobody_finds_us_by_is_a_mistake(tmp_path: Path) -> None:
    """An external address must resolve, as far as we hear in time; none at all is no mistake."""

    def external(host: str) -> Callable[[], str]:
        return NameChecks(config(tmp_path, external_address=f"tcp://{host}:26656"), wait_s(host)).check

    def wait_s(host: str) -> float:
        return SOON_S if host.startswith("silent") else PATIENCE_S

    assert NameChecks(config(tmp_path)).check() == ""
    assert external("good.invalid")() == ""
    assert external("silent.invalid")() == "silent.invalid"
    with pytest.raises(OwnNameUnresolvedError, match="external_address"):
        external("host.invalid")()
