import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from peerage.config.config import Config
from peerage.config.errors import ConfigError
from peerage.config.sections import SETTINGS, P2PConfig
from tests.config.homes import home_with, load
from tests.config.vectors import CONFIG_TOML, P2P, name_of

ID = "0123456789abcdef0123456789abcdef01234567"
LONG = "x" * 51
# CometBFT warns of nothing; files that we take with a warning
WARNED = {
    "unknown key",
    "float for a number",
    "test_fuzz_config, keys as in Go",
    "test_fuzz_config, lower case",
    "test_fuzz_config, with underscores: ignored",
}


def value(config: Config, name: str) -> Any:
    """The value of the setting of that name, as a file would have it."""
    (setting,) = (setting for setting in SETTINGS if setting.name == name)
    found = config.value_of(setting)
    return ",".join(found) if isinstance(found, tuple) else found


@pytest.mark.parametrize("case", P2P["files"], ids=name_of)
def test_files_load_as_in_cometbft(tmp_path: Path, case: dict[str, Any]) -> None:
    """What CometBFT accepts is accepted with the same result; what it refuses is refused, and the error names the key."""
    if case["error"] is not None:
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, case["toml"])
        key = case["name"].split(" ")[0]
        assert "negative" not in case["name"] or caught.value.mistakes[0].key == f"p2p.{key}"
        return
    config = load(tmp_path, case["toml"])
    assert bool(config.warnings) == (case["name"] in WARNED)
    result = case.get("result")
    if isinstance(result, dict) and "test_fuzz" in result:
        fuzz = config.p2p.test_fuzz_config
        assert config.p2p.test_fuzz is result["test_fuzz"]
        assert (fuzz.mode, fuzz.prob_drop_rw) == (result["Mode"], result["ProbDropRW"])
        assert (fuzz.prob_drop_conn, fuzz.prob_sleep) == (result["ProbDropConn"], result["ProbSleep"])
        assert f"{fuzz.max_delay:g}s" == result["MaxDelay"]
    elif isinstance(result, dict):
        assert {key: value(config, key) for key in result} == result
    elif result is not None:
        key = case["toml"].split("\n")[1].split(" ")[0].lower()
        assert value(config, f"p2p.{key}") == result


@pytest.mark.parametrize(
    "case", P2P["environment"], ids=lambda case: f"{case['variable']} {case['file'][:12]!r}"
)
def test_cometbfts_variables_are_heard(tmp_path: Path, case: dict[str, Any]) -> None:
    """CMT_P2P_… is read as in CometBFT and, unlike there, also if the file does not have the key."""
    toml = CONFIG_TOML.read_text() if case["file"].startswith("config.toml") else case["file"]
    config = load(tmp_path, toml, environ={case["variable"]: case["value"]})
    (setting,) = (setting for setting in SETTINGS if setting.name == f"p2p.{case['key']}")
    assert setting.declared.kind.to_toml(config.value_of(setting)) == f'"{case["value"]}"'
    assert config.source_of(setting.name) == f"environment {case['variable']}"


def test_cometbfts_home_works_as_it_is(tmp_path: Path) -> None:
    """Its config.toml and genesis.json are all that a node needs."""
    home = home_with(tmp_path, CONFIG_TOML.read_text(), genesis='{"chain_id": "cosmos-1"}')
    config = Config.load(home, environ={}, to_start=True)
    assert (config.network, config.moniker) == ("cosmos-1", "node")
    assert config.p2p.flush_throttle_timeout == 0.1  # the file says 100ms
    assert config.source_of("network") == f"file {tmp_path}/config/genesis.json"
    assert config.warnings == ()
    config.check()


def test_embedded_defaults(tmp_path: Path) -> None:
    """A configuration needs no files; its durations are in seconds."""
    config = Config(home=tmp_path / "none", network="test")
    config.check()
    assert config.p2p == P2PConfig()
    assert (config.p2p.dial_timeout, config.p2p.flush_throttle_timeout) == (3.0, 0.01)
    assert config.node_key_path == tmp_path / "none" / "config" / "node_key.json"
    assert config.addr_book_path == tmp_path / "none" / "config" / "addrbook.json"
    assert config.rpc.laddr == "tcp://127.0.0.1:26657"
    assert config.source_of("p2p.laddr") == "default"
    assert not (tmp_path / "none").exists()


def test_overrides(tmp_path: Path) -> None:
    """Sections as mappings or objects, the top level by keyword, values as texts or Python's own."""
    config = Config(
        tmp_path,
        network="n",
        moniker="m",
        p2p={"laddr": "tcp://127.0.0.1:0", "seeds": [f"{ID}@h:1"], "dial_timeout": 1.5, "send_rate": "0x10"},
        peerage={"peer_hosts": 0},
    )
    assert (config.network, config.moniker, config.peerage.peer_hosts) == ("n", "m", 0)
    assert config.p2p.seeds == (f"{ID}@h:1",)
    assert (config.p2p.dial_timeout, config.p2p.send_rate) == (1.5, 16)
    assert config.source_of("p2p.laddr") == config.source_of("network") == "argument"
    assert Config(tmp_path, p2p=P2PConfig(pex=False)).p2p.pex is False
    assert Config(tmp_path, peerage={"network": "n"}).network == "n"


def test_overrides_list_all_mistakes() -> None:
    """A wrong configuration cannot be created, and everything that is wrong is reported at once."""
    with pytest.raises(ConfigError) as caught:
        Config("h", network=5, p2p={"pex": 3, "nope": 1}, monikerr="x")  # type: ignore[arg-type]
    keys = {mistake.key for mistake in caught.value.mistakes}
    assert keys == {"peerage.network", "p2p.pex", "p2p.nope", "monikerr"}


def test_a_configuration_is_a_frozen_value(tmp_path: Path) -> None:
    """It cannot be changed, compares by value, is hashable, and can be sent to another process."""
    config = load(tmp_path, "[p2p]\nnope = 1\npex = false\n")
    copy = pickle.loads(pickle.dumps(config))
    assert copy == config
    assert hash(copy) == hash(config)
    assert (copy.sources, copy.warnings) == (config.sources, config.warnings)
    assert "nope" in copy.warnings[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.moniker = "x"  # type: ignore[misc]
    assert config != load(tmp_path, "")


def test_replace_keeps_the_rest(tmp_path: Path) -> None:
    """A copy differs only in what was asked for, and knows where the rest comes from."""
    config = load(tmp_path, "moniker = 'a'\n[p2p]\npex = false\nsend_rate = 7\n")
    copy = config.replace(network="n", p2p={"send_rate": 8}, home=tmp_path / "other")
    assert (copy.moniker, copy.p2p.pex, copy.p2p.send_rate, copy.network) == ("a", False, 8, "n")
    assert copy.home.path == tmp_path / "other"
    assert copy.source_of("p2p.send_rate") == "argument"
    assert copy.source_of("p2p.pex").startswith("file")
    assert (config.p2p.send_rate, config.network) == (7, "")
    with pytest.raises(ConfigError):
        config.replace(p2p={"send_rate": -1})


@pytest.mark.parametrize("source", ["flag", "environment", "file", "genesis"])
def test_a_network_that_no_cometbft_node_can_have_is_refused(tmp_path: Path, source: str) -> None:
    """CometBFT's nodes start with no genesis that has a longer chain_id. Wherever it is named."""
    home = home_with(
        tmp_path,
        f'[peerage]\nnetwork = "{LONG}"\n' if source == "file" else "",
        genesis=f'{{"chain_id": "{LONG}"}}' if source == "genesis" else None,
    )
    flags = {"--network": LONG} if source == "flag" else {}
    variables = {"PEERAGE_NETWORK": LONG} if source == "environment" else {}
    with pytest.raises(ConfigError, match=rf'network: found "{LONG}" .* 50 bytes'):
        Config.load(home, flags, variables)


@pytest.mark.parametrize("given", [{"network": LONG}, {"peerage": {"network": LONG}}])
def test_a_program_cannot_name_such_a_network_either(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"peerage.network: found .* 50 bytes"):
        Config(tmp_path, **given)


def test_replace_keeps_the_genesis_files_network(tmp_path: Path) -> None:
    """Copying does not lose a network that was found in the genesis file."""
    home = home_with(tmp_path, "", genesis='{"chain_id": "c"}')
    assert Config.load(home, environ={}).replace(moniker="x").network == "c"


def test_what_keeps_a_node_from_starting_is_listed_at_once(tmp_path: Path) -> None:
    """Mistakes found while reading, and those that only matter at a start, come in one list, each key once, in order."""
    toml = f"""
        moniker = " "
        [p2p]
        laddr = "0.0.0.0"
        external_address = "1.2.3.4"
        seeds = "nonsense, {ID}@h:1"
        persistent_peers = "{ID}"
        unconditional_peer_ids = "x,y"
        max_packet_msg_payload_size = 0
        send_rate = -1
        handshake_timeout = "-1s"
        [rpc]
        laddr = "127.0.0.1"
        [peerage]
        reactors = ":nothing"
        ping_interval = "10s"
    """
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, toml, to_start=True)
    assert [mistake.key for mistake in caught.value.mistakes] == [
        "network",
        "moniker",
        "p2p.laddr",
        "p2p.external_address",
        "p2p.seeds",
        "p2p.persistent_peers",
        "p2p.unconditional_peer_ids",
        "p2p.unconditional_peer_ids",
        "p2p.max_packet_msg_payload_size",
        "p2p.send_rate",
        "p2p.handshake_timeout",
        "rpc.laddr",
        "peerage.reactors",
        "peerage.pong_timeout",
    ]
    assert str(caught.value).startswith("14 mistakes in the configuration:\n  network: ")
    assert all(
        str(tmp_path) in mistake.source or mistake.source == "default" for mistake in caught.value.mistakes
    )


def test_a_prefix_that_may_have_fewer_connections_than_an_address_is_a_mistake() -> None:
    config = Config(network="test", peerage={"peers_per_ip": 4, "peers_per_prefix": 3})
    with pytest.raises(
        ConfigError, match=r"peers_per_prefix: found 3.*at least peerage.peers_per_ip, which is 4"
    ):
        config.check()
    config.replace(peerage={"peers_per_prefix": 4}).check()
    config.replace(peerage={"peers_per_ip": 0}).check()


@pytest.mark.parametrize("file", ["", ".", "data/addrbook.sqlite"])
def test_the_books_file_has_a_place_of_its_own(tmp_path: Path, file: str) -> None:
    """The live book would be overwritten at the stop."""
    config = Config(home=tmp_path, network="test", p2p={"addr_book_file": file})
    with pytest.raises(ConfigError, match=r"p2p\.addr_book_file: found .*allowed: a file of its own"):
        config.check()


@pytest.mark.parametrize(
    ("also", "twice"),
    [
        ("tcp://0.0.0.0:26656", '"tcp://0.0.0.0:26656"'),
        ("tcp://[::]:26656,[::]:26656", '"[::]:26656"'),
        ("tcp://[::]:26656", ""),
        ("tcp://[::]:0,tcp://[::]:0", ""),
    ],
)
def test_a_node_listens_once_at_each_address(also: str, twice: str) -> None:
    config = Config(network="test", peerage={"listen_also": also})
    assert [mistake.found for mistake in config.start_mistakes()] == ([twice] if twice else [])


def test_a_span_of_time_is_shown_as_it_is_written() -> None:
    config = Config(network="test", p2p={"dial_timeout": "0s", "handshake_timeout": "-3s"})
    assert [mistake.found for mistake in config.start_mistakes()] == ['"-3s"', '"0s"']


@pytest.mark.parametrize("key", ["p2p.seeds", "p2p.persistent_peers", "peerage.bootstrap_peers"])
def test_places_where_nobody_can_be_are_warned_about(key: str) -> None:
    section, name = key.split(".")
    ids = [f"{number:040x}" for number in range(4)]
    places = [
        f"{ids[0]}@0.0.0.0:26656",
        f"tcp://{ids[1]}@[::]:1",
        f"{ids[2]}@8.8.4.4:0",
        f"{ids[3]}@seed.example:1",
    ]
    given = {name: ",".join(places)}
    config = Config(network="test").replace(**{section: given})
    assert [warning for warning in config.warnings if "nobody is at" in warning] == [
        f'{key}: nobody is at "{places[0]}": the IP stands for every address of this machine',
        f'{key}: nobody is at "{places[1]}": the IP stands for every address of this machine',
        f'{key}: nobody is at "{places[2]}": nobody can dial port 0',
    ]


def test_a_lenient_load_leaves_addresses_to_the_start(tmp_path: Path) -> None:
    """As in CometBFT, malformed seeds do not keep other commands from working."""
    config = load(tmp_path, '[p2p]\nseeds = "nonsense"\n')
    with pytest.raises(ConfigError, match="nonsense"):
        config.check()


def test_no_network_is_a_mistake_that_says_how_to_name_one(tmp_path: Path) -> None:
    """It names every way, and the path of the genesis file."""
    with pytest.raises(ConfigError, match=r"--network.*PEERAGE_NETWORK.*genesis.json"):
        Config(tmp_path).check()


def test_odd_combinations_are_warned_about(tmp_path: Path) -> None:
    """A peer in both lists, seed mode without pex, and fuzzing, which we leave to CometBFT, are probably not meant."""
    toml = f'[p2p]\nseeds = "{ID}@a:1,tcp://{ID}@b:2"\n'
    toml += f'persistent_peers = "{ID.upper()}@a:1"\nseed_mode=true\npex=false\ntest_fuzz=true\n'
    warnings = load(tmp_path, toml).warnings
    keys = [warning.split(":")[0] for warning in warnings]
    assert keys == ["p2p.seeds", "p2p.seeds", "p2p.seed_mode", "p2p.test_fuzz"]


def test_balancers_everywhere_are_warned_about(tmp_path: Path) -> None:
    """Whoever connects could name any IP then. What is no network is a mistake and nothing else."""
    everywhere = load(tmp_path, '[peerage]\nproxy_protocol_from = "10.0.0.0/8, ::/0"\n')
    assert everywhere.peerage.proxy_protocol_from == ("10.0.0.0/8", "::/0")
    assert [warning for warning in everywhere.warnings if '"::/0" is everybody' in warning]
    wrong = load(tmp_path, '[peerage]\nnetwork = "n"\nproxy_protocol_from = "lb"\n')
    with pytest.raises(ConfigError, match=r'peerage.proxy_protocol_from.*"lb".*10\.0\.0\.0/8'):
        wrong.check()
    assert wrong.warnings == ()


def test_an_address_that_nobody_is_told_is_warned_about(tmp_path: Path) -> None:
    """There is one for each family."""
    two = load(
        tmp_path, '[p2p]\nexternal_address="1.2.3.4:1"\n[peerage]\nexternal_address_also="[2600::1]:1"\n'
    )
    assert two.warnings == ()
    one = two.replace(peerage={"external_address_also": "[2600::1]:1,1.2.3.5:1,[2600::2]:1"})
    assert ['"1.2.3.5:1"' in one.warnings[0], '"[2600::2]:1"' in one.warnings[1]] == [True, True]
    assert load(tmp_path, '[peerage]\nexternal_address_also="[2600::1]:1"\n').warnings == ()
    (own,) = load(
        tmp_path, '[peerage]\nexternal_address_also="1.2.3.5:1"\n'
    ).warnings  # laddr is of that family
    assert own.startswith('peerage.external_address_also: "1.2.3.5:1" is told to nobody')


@pytest.mark.parametrize(
    ("p2p", "why"),
    [({"pex": False}, "p2p.pex is false"), ({"seed_mode": True}, "a seed keeps no peers"), ({}, None)],
)
def test_a_rotation_that_has_no_effect_is_warned_about(p2p: dict[str, Any], why: str | None) -> None:
    warnings = Config(p2p=p2p, peerage={"rotate_peers": "5m"}).warnings
    assert warnings == ((f"peerage.rotate_peers: has no effect, for {why}",) if why else ())


def test_networks_that_are_exempt_from_no_limit_are_warned_about() -> None:
    exempt = {"peers_per_ip_exempt": "10.0.0.0/8"}
    (warning,) = Config(p2p={"allow_duplicate_ip": True}, peerage=exempt).warnings
    assert warning.startswith("peerage.peers_per_ip_exempt: has no effect")
    assert Config(peerage=exempt).warnings == ()


def test_the_environment_names_the_home(tmp_path: Path) -> None:
    """Without an explicit home, PEERAGE_HOME is used."""
    home_with(tmp_path, "moniker = 'here'\n")
    assert Config.load(environ={"PEERAGE_HOME": str(tmp_path)}).moniker == "here"


def test_log_settings(tmp_path: Path) -> None:
    """What logging needs is a small value of its own."""
    settings = Config(tmp_path, log_level="debug", log_format="json").log_settings
    assert (settings.level, settings.format) == ("debug", "json")


def test_a_scheme_that_means_nothing_is_said_to(tmp_path: Path) -> None:
    """CometBFT accepts any scheme in front of an address; somebody who writes http:// may expect something of it."""
    config = Config(tmp_path, network="n", p2p={"seeds": f"http://{ID}@h:1,tcp://{ID[1:]}0@h:1"})
    (warning,) = config.warnings
    assert "http://" in warning
    assert "p2p.seeds" in warning
    config.check()


def test_a_network_of_libp2p_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """From the file, the environment and a program; while it is off, nothing is said."""
    words = "this network speaks libp2p over QUIC, peerage does not"
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, "[p2p.libp2p]\nenabled = true\n").check()
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, environ={"CMT_P2P_LIBP2P_ENABLED": "true"}).check()
    with pytest.raises(ConfigError, match=words):
        Config(tmp_path, network="n", p2p={"libp2p": {"enabled": True}}).check()
    assert (
        load(tmp_path, "[p2p.libp2p]\nenabled = false\n[p2p.libp2p.limits]\nmax_peers = 1\n").warnings == ()
    )


def test_a_configuration_can_be_read_again(tmp_path: Path) -> None:
    """The file and the environment as they are now, the flags as they were; a mistake is an error like at the start."""
    home = home_with(tmp_path, "[p2p]\nsend_rate = 1\nrecv_rate = 1\n[peerage]\nnetwork = 'test'\n")
    config = Config.load(home, {"p2p.recv_rate": "7"}, {})
    home.config_file.write_text("[p2p]\nsend_rate = 2\nrecv_rate = 2\n[peerage]\nnetwork = 'test'\n")
    again = config.reread({})
    assert (again.p2p.send_rate, again.p2p.recv_rate) == (2, 7)
    assert pickle.loads(pickle.dumps(again)).reread({}) == again
    home.config_file.write_text("")
    with pytest.raises(ConfigError, match="network"):
        config.reread({})
    with pytest.raises(ConfigError, match="made by a program"):
        Config(home=home, network="test").reread({})


def test_single_values_are_taken_from_another_configuration(tmp_path: Path) -> None:
    """With where they come from; it is read again like the one that took them."""
    home = home_with(tmp_path, "moniker = 'a'\n[peerage]\nnetwork = 'test'\n")
    config = Config.load(home, {}, {})
    other = config.replace(moniker="b", p2p={"send_rate": 7})
    taken = config.taking({"p2p.send_rate"}, other)
    assert (taken.moniker, taken.p2p.send_rate, taken.network) == ("a", 7, "test")
    assert taken.source_of("p2p.send_rate") == other.source_of("p2p.send_rate")
    assert taken.reread({}) == config


def test_it_shows_what_differs_from_the_defaults(tmp_path: Path) -> None:
    """In one line that can be read."""
    config = Config(tmp_path, network="test", p2p={"laddr": "tcp://127.0.0.1:0"}, rpc={"laddr": ""})
    shown = f"<Config {tmp_path} network='test' p2p.laddr='tcp://127.0.0.1:0' rpc.laddr=''>"
    assert repr(config) == shown
