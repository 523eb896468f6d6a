"""What the chains of a seed are started with, and the mistakes that are found before one is."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from peerage.config.chains import Chain, ChainTable, parse_chain
from peerage.config.config import Config
from peerage.config.errors import ConfigError, HomeInUseError
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.supervisors.chains import chain_plan
from peerage.supervisors.chains.chain_plan import ChainPlan, check_ports, make_home, plan_chains

SEED = f"{'ab' * 20}@203.0.113.5:26656"
TABLE = ChainTable().with_chains([parse_chain(f"a-1={SEED}"), parse_chain("b-1=")])
NOTHING: Mapping[str, str] = MappingProxyType({})


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a node."""
    for name in ("PEERAGE_P2P_LADDR", "PEERAGE_RPC_LADDR", "PEERAGE_PEER_HOSTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def mistakes(home: Home, table: ChainTable, flags: Mapping[str, str] = NOTHING) -> str:
    with pytest.raises(ConfigError) as caught:
        plan_chains(home, table, flags)
    return str(caught.value)


def test_each_chain_is_a_seed_of_its_own_network_in_its_own_home(home: Home) -> None:
    """New ones get ports one behind the other; RPC has none; together they have a peer host for each core."""
    plans = plan_chains(home, TABLE, {"moniker": "me"})
    assert [plan.config.network for plan in plans] == ["a-1", "b-1"]
    assert [plan.config.p2p.laddr for plan in plans] == ["tcp://0.0.0.0:26656", "tcp://0.0.0.0:26657"]
    assert [plan.config.p2p.seeds for plan in plans] == [(SEED,), ()]
    assert all(plan.config.p2p.seed_mode and plan.config.moniker == "me" for plan in plans)
    assert {plan.config.rpc.laddr for plan in plans} == {"unix://data/rpc.sock"}
    assert plans[1].home.path == home.path / "chains" / "b-1"
    assert not (home / "chains").exists()


def test_the_arguments_make_the_same_configuration(home: Home) -> None:
    """They are flags of `peerage start`."""
    (plan, _) = plan_chains(home, TABLE, {"p2p.external_address": "203.0.113.7:26656"})
    assert plan.arguments[:5] == ["start", "--home", str(plan.home), "--chain", "a-1"]
    assert "--p2p.external-address=203.0.113.7:26656" in plan.arguments
    assert f"--p2p.seeds={SEED}" in plan.arguments
    assert "--network=a-1" in plan.arguments


def test_a_chain_keeps_its_port_whichever_others_there_are(home: Home) -> None:
    """It stands in the config.toml that was made for it; a new one gets none of those."""
    for plan in plan_chains(home, TABLE, {}):
        make_home(plan)
    later = ChainTable(metrics="127.0.0.1:26658").with_chains([parse_chain("c-1="), parse_chain("b-1=")])
    laddrs = [plan.config.p2p.laddr for plan in plan_chains(home, later, {})]
    assert laddrs == ["tcp://0.0.0.0:26659", "tcp://0.0.0.0:26657"]


def test_a_port_that_is_given_counts(home: Home) -> None:
    """In the table; and a setting for all chains before it."""
    table = ChainTable((Chain("a-1", port=30000), Chain("b-1")), port=0)
    assert [plan.config.p2p.laddr for plan in plan_chains(home, table, {})] == [
        "tcp://0.0.0.0:30000",
        "tcp://0.0.0.0:0",
    ]
    plans = plan_chains(home, table, {"p2p.laddr": "tcp://127.0.0.1:0"})
    assert {plan.config.p2p.laddr for plan in plans} == {"tcp://127.0.0.1:0"}


def made(home: Home, table: ChainTable) -> dict[str, str]:
    return {plan.id: make_home(plan) for plan in plan_chains(home, table, {})}


def test_each_chain_has_its_own_key_unless_they_share_one(home: Home) -> None:
    """What is there is left as it is."""
    ids = made(home, TABLE)
    assert len(set(ids.values())) == 2
    assert made(home, TABLE) == ids
    shared = made(home, ChainTable(TABLE.chains, shared_key=True))
    assert len(set(shared.values())) == 1
    assert (home / "config" / "node_key.json").exists()


def test_metrics_of_each_go_through_a_socket_in_its_home(home: Home) -> None:
    """Only if the seed serves them."""
    plan, _ = plan_chains(home, ChainTable(TABLE.chains, metrics=":26660"), {})
    assert plan.config.instrumentation.prometheus_listen_addr == "unix://data/metrics.sock"
    assert plan.metrics_socket == plan.home.path / "data/metrics.sock"
    assert not plan_chains(home, TABLE, {})[0].config.instrumentation.prometheus


def test_the_page_of_all_asks_rpc_at_a_socket_in_each_home(home: Home) -> None:
    """In addition to where it was set to serve, or instead of nowhere."""
    for laddr, expected in (
        ("", "unix://data/rpc.sock"),
        ("tcp://127.0.0.1:0", "tcp://127.0.0.1:0,unix://data/rpc.sock"),
    ):
        for dashboard_at, served in (("", laddr), (":26661", expected)):
            table = ChainTable(TABLE.chains, dashboard_at=dashboard_at)
            plan = plan_chains(home, table, {"rpc.laddr": laddr})[0]
            assert plan.config.rpc.laddr == served
    assert plan.rpc_socket == plan.home.path / "data/rpc.sock"


def test_mistakes_of_all_chains_are_said_together(home: Home) -> None:
    """Each with the chain that has it."""
    table = ChainTable((Chain("a-1", {"p2p.seeds": "nonsense"}), Chain("b-1", {"p2p.laddr": "nowhere"})))
    found = mistakes(home, table)
    assert "chain a-1: p2p.seeds: found" in found
    assert "chain b-1: p2p.laddr: found" in found


@pytest.mark.parametrize(
    ("table", "flags", "expected"),
    [
        (ChainTable(), {}, "found no chain"),
        (TABLE, {"peerage.network": "x"}, "the ID in --chain"),
        (TABLE, {"p2p.seeds": SEED}, "each chain has its own"),
        (ChainTable(TABLE.chains, metrics="nowhere"), {}, "metrics: found"),
        (ChainTable(TABLE.chains, metrics="unix://m.sock"), {}, "metrics: found"),
        (ChainTable(TABLE.chains, dashboard_at="nowhere"), {}, "dashboard_at: found"),
        (TABLE, {"p2p.laddr": "tcp://127.0.0.1:26656"}, "as of p2p.laddr of chain a-1"),
        (TABLE, {"rpc.laddr": "tcp://127.0.0.1:26657"}, "as of rpc.laddr of chain a-1"),
        (TABLE, {"instrumentation.prometheus": "true"}, "as of instrumentation.prometheus_listen_addr of"),
    ],
    ids=["none", "network", "seeds", "metrics", "unix metrics", "page", "laddr", "rpc", "prometheus"],
)
def test_what_cannot_be_is_a_mistake(
    home: Home, table: ChainTable, flags: Mapping[str, str], expected: str
) -> None:
    """Before anything is written."""
    assert expected in mistakes(home, table, flags)
    assert list(home.path.iterdir()) == []


def test_a_home_of_a_chain_in_which_a_node_runs_is_in_use(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever started it. One that is about to stop is waited for."""
    plan, _ = plan_chains(home, TABLE, {})
    lock = HomeLock(plan.home, "a node of a seed that was killed")
    monkeypatch.setattr("peerage.supervisors.chains.chain_plan.time.sleep", lambda _seconds: lock.release())
    plan_chains(home, TABLE, {})
    monkeypatch.setattr(chain_plan, "OTHERS_S", 0.0)
    with HomeLock(plan.home, "a node"), pytest.raises(HomeInUseError):
        plan_chains(home, TABLE, {})


def listening_at(plan: ChainPlan, port: int) -> ChainPlan:
    config = plan.config.replace(p2p={"laddr": f"tcp://127.0.0.1:{port}"})
    assert isinstance(config, Config)
    return ChainPlan(plan.id, plan.home, plan.settings, config)


def test_a_port_that_somebody_has_is_said_with_its_chain(home: Home) -> None:
    """And that of the metrics. Others are free again afterwards."""
    plan, other = plan_chains(home, TABLE, {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=r"chain a-1: p2p.laddr: .*(?s:.*)metrics: ") as caught:
            check_ports(
                [listening_at(plan, port), listening_at(other, 0)], ChainTable(metrics=f"127.0.0.1:{port}")
            )
    assert len(caught.value.mistakes) == 2
    for _ in range(2):
        check_ports([listening_at(plan, port)], ChainTable())


def test_further_places_for_peers_are_looked_at_too(home: Home) -> None:
    """Each chain has its own."""
    plan, _other = plan_chains(home, TABLE, {})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        also = f"127.0.0.1:{taken.getsockname()[1]}"
        config = listening_at(plan, 0).config.replace(peerage={"listen_also": also})
        with pytest.raises(ConfigError, match=r"chain a-1: peerage.listen_also: "):
            check_ports([ChainPlan(plan.id, plan.home, plan.settings, config)], ChainTable())
    with pytest.raises(ConfigError, match=r"127.0.0.1:26699"):
        plan_chains(home, TABLE, {"peerage.listen_also": "127.0.0.1:26699"})
