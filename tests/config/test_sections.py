import dataclasses
import pickle
from typing import Any

import pytest

from peerage.config.errors import ConfigError, UnfitValueError
from peerage.config.kind import Names
from peerage.config.p2p_subsections import FuzzConfig
from peerage.config.sections import SECTIONS, SETTINGS, P2PConfig, PeerageConfig, RPCConfig
from peerage.config.setting import Setting, settings_of
from tests.config.vectors import CONFIG_TOML, P2P, name_of

V1_FLUSH_THROTTLE = "10ms"  # design 6: the default of v1, not of v0.38
BY_NAME = {setting.name: setting for setting in SETTINGS}
FIELDS = [case for case in P2P["fields"] if case["type"] != "table"]


@pytest.mark.parametrize("case", FIELDS, ids=name_of)
def test_defaults_are_cometbfts(case: dict[str, Any]) -> None:
    """Every [p2p] setting of CometBFT exists with its default; the flush throttle has v1's."""
    setting = BY_NAME[f"p2p.{case['key']}"]
    expected = V1_FLUSH_THROTTLE if case["key"] == "flush_throttle_timeout" else case["value"]
    assert setting.from_toml(expected) == setting.default


def test_no_setting_of_p2p_is_ours_alone() -> None:
    """[p2p] has CometBFT's settings in CometBFT's order, and those that its file hides are hidden here."""
    settings = settings_of(P2PConfig)
    assert [s.key for s in settings] == [case["key"] for case in FIELDS]
    assert [s.key for s in settings if not s.declared.hidden] == P2P["keys_in_file"]


def test_fuzz_defaults_are_cometbfts() -> None:
    """The hidden table has Go's names and defaults."""
    table = next(case for case in P2P["fields"] if case["type"] == "table")
    settings = settings_of(FuzzConfig)
    assert {s.key: s.from_toml(table["value"][s.key]) for s in settings} == {
        s.key: s.default for s in settings
    }
    assert [s.key for s in settings] == list(table["value"])


def test_shared_settings_have_cometbfts_defaults() -> None:
    """Everything else that is read from CometBFT's file has the default that CometBFT writes there."""
    import tomllib

    document = tomllib.loads(CONFIG_TOML.read_text())
    for section in ("rpc", "instrumentation"):
        for setting in SETTINGS:
            if setting.section == section:
                assert setting.from_toml(document[section][setting.key]) == setting.default, setting.name
    for key in ("genesis_file", "node_key_file", "filter_peers", "log_level", "log_format"):
        assert BY_NAME[key].from_toml(document[key]) == BY_NAME[key].default


def test_every_default_is_allowed() -> None:
    """A section can be created without arguments and then has the defaults."""
    for section in SECTIONS:
        made = section()
        for setting in settings_of(section):
            assert getattr(made, setting.attribute) == setting.from_python(setting.default)
            assert not setting.start_mistakes(setting.default, "default"), setting.name


def test_names_flags_and_variables_are_unique() -> None:
    """No two settings share a name, a flag or an environment variable."""
    for each in (
        [s.name.lower() for s in SETTINGS],
        [s.flag.replace("_", "-") for s in SETTINGS],
        [variable for s in SETTINGS for variable in s.variables],
    ):
        assert len(each) == len(set(each))


def test_flags_of_cometbft_are_all_there() -> None:
    """CometBFT's flags are spelt as in CometBFT's --help."""
    flags = {setting.flag for setting in SETTINGS}
    assert flags >= {
        "--moniker",
        "--p2p.laddr",
        "--p2p.external-address",
        "--p2p.seeds",
        "--p2p.persistent_peers",
        "--p2p.unconditional_peer_ids",
        "--p2p.pex",
        "--p2p.seed_mode",
        "--p2p.private_peer_ids",
        "--rpc.laddr",
        "--rpc.unsafe",
    }


def test_a_section_that_exists_is_valid() -> None:
    """A section converts texts and refuses impossible values, reporting all at once."""
    with pytest.raises(ConfigError) as caught:
        P2PConfig(send_rate=-1, pex="maybe", dial_timeout="1.5s")  # type: ignore[arg-type]
    assert [mistake.key for mistake in caught.value.mistakes] == ["p2p.send_rate", "p2p.pex"]
    made = P2PConfig(dial_timeout="1.5s", seeds="a,b")  # type: ignore[arg-type]
    assert (made.dial_timeout, made.seeds) == (1.5, ("a", "b"))


def test_sections_are_frozen_values() -> None:
    """Sections cannot be changed, compare by value and can be sent to another process."""
    section = P2PConfig(laddr="tcp://h:1")
    with pytest.raises(dataclasses.FrozenInstanceError):
        section.laddr = "x"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(section)) == section != P2PConfig()


def test_where_to_listen() -> None:
    """RPC may be off, or on several addresses."""
    assert RPCConfig(laddr="").listen_addresses == ()
    assert [each.port for each in RPCConfig(laddr="tcp://a:1,tcp://b:2").listen_addresses] == [1, 2]


def test_peer_hosts_are_one_per_core_by_default() -> None:
    """At least one; 0 (a process per peer) only on request."""
    assert PeerageConfig().peer_hosts >= 1
    assert PeerageConfig(peer_hosts=0).peer_hosts == 0


SAMPLES = {
    "p2p.external_address": "192.0.2.1:26656",
    "p2p.seeds": f"{'a1' * 20}@192.0.2.1:26656",
    "p2p.persistent_peers": f"{'a1' * 20}@192.0.2.1:26656",
    "p2p.unconditional_peer_ids": "a1" * 20,
    "p2p.private_peer_ids": "a1" * 20,
    "rpc.tls_cert_file": "x",
    "rpc.tls_key_file": "x",
    "rpc.cors_allowed_origins": "https://example.org",
    "rpc.cors_allowed_methods": "GET",
    "rpc.cors_allowed_headers": "Origin",
    "peerage.network": "net",
    "peerage.peer_hosts": "3",
    "peerage.reactors": "a.b:C",
    "peerage.peers_per_ip_exempt": "10.0.0.0/8",
    "peerage.bootstrap_peers": f"{'a1' * 20}@192.0.2.1:26656",
    "peerage.listen_also": "tcp://[::]:26656",
    "peerage.external_address_also": "[2600::1]:26656",
    "peerage.proxy_protocol_from": "10.0.0.0/8",
    "peerage.http_hosts": "rpc.example.org",
}


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\u2028"], ids=repr)
@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.name))
def test_a_stray_line_break_is_refused_everywhere(setting: Setting[Any], line_break: str) -> None:
    """Inside any text or item, from file, flag, variable and program; around the items of a list it counts as a blank."""
    sample = SAMPLES.get(setting.name) or setting.declared.kind.to_toml(setting.default).strip('"')
    broken = [sample[:1] + line_break + sample[1:]]
    if isinstance(setting.declared.kind, Names):
        assert setting.from_text(f"{sample}{line_break}") == setting.from_text(sample) == (sample,)
    else:
        broken += [f"{sample}{line_break}", f"{line_break}{sample}"]
    for text in broken:
        for read in (setting.from_text, setting.from_toml, setting.from_python):
            with pytest.raises(UnfitValueError):
                read(text)
