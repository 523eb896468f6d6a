import contextlib
import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.config.errors import ConfigError
from peerage.config.toml_file import SIZE_LIMIT, nearest, read_toml_file, values_of
from tests.config.vectors import CONFIG_TOML


def test_cometbfts_own_file_gives_no_warning() -> None:
    """Everything that CometBFT writes is either known or none of our business."""
    found = read_toml_file(CONFIG_TOML)
    assert not found.warnings
    assert not found.mistakes
    assert found.values["p2p.laddr"] == "tcp://0.0.0.0:26656"
    assert found.values["moniker"] == "node"


def test_unknown_keys_of_p2p_are_warned_about_with_the_nearest_name() -> None:
    """A typing error in [p2p] or [peerage] is named with what was probably meant; elsewhere it is CometBFT's, unless
    it can hardly be anything else.
    """
    found = values_of(
        {
            "p2p": {"persistent_peer": "", "zzz": 1},
            "peerage": {"peer_host": 1},
            "rpc": {"x": 1, "cors_allowed_origin": []},
            "nonsense": {"a": 1},
        },
        "file f",
    )
    assert found.warnings == [
        "p2p.persistent_peer (file f): unknown, ignored; did you mean persistent_peers?",
        "p2p.zzz (file f): unknown, ignored",
        "peerage.peer_host (file f): unknown, ignored; did you mean peer_hosts?",
        "rpc.cors_allowed_origin (file f): unknown, ignored; did you mean cors_allowed_origins?",
    ]


def test_a_key_in_the_wrong_section_is_told_where_it_belongs() -> None:
    """No other name is guessed for it."""
    own = {"rotate_peers": "5m"}
    found = values_of(
        {**own, "p2p": own, "rpc": own, "instrumentation": own, "peerage": {"Seeds": "s", "laddr": "l"}}, "f"
    )
    assert found.warnings == [
        "rotate_peers (f): ignored, it belongs below [peerage]",
        "p2p.rotate_peers (f): ignored, it belongs below [peerage]",
        "rpc.rotate_peers (f): ignored, it belongs below [peerage]",
        "instrumentation.rotate_peers (f): ignored, it belongs below [peerage]",
        "peerage.seeds (f): ignored, it belongs below [p2p]",
        "peerage.laddr (f): ignored, it belongs below [p2p]",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("peerege", "peerage"),
        ("p2", "p2p"),
        ("P2P2", "p2p"),
        ("instrumention", "instrumentation"),
        *(
            (name, "")
            for name in ("grpc", "mempool", "storage", "tx_index", "fastsync", "priv-validator", "api")
        ),
    ],
)
def test_a_section_whose_name_is_misspelt_is_told(name: str, meant: str) -> None:
    """All of it would have no effect. Sections of CometBFT and of chains are none of our business."""
    (warning,) = values_of({name: {"seeds": ""}}, "f").warnings or [""]
    assert warning == (f"[{name}] (f): unknown, ignored; did you mean [{meant}]?" if meant else "")


TENDERSEED = """
addr_book_file = "data/addrbook.json"
addr_book_strict = false
chain_id = "some-chain-id"
laddr = "tcp://0.0.0.0:26656"
max_num_inbound_peers = 1000
max_num_outbound_peers = 10
node_key_file = "config/node_key.json"
seeds = "s"
"""


def test_a_file_of_tenderseed_is_a_seeds() -> None:
    """It has no sections, and names the network, for it has no genesis either. Sections of ours win. Source: its README."""
    found = values_of(tomllib.loads(TENDERSEED), "file f")
    assert found.values == {
        "node_key_file": "config/node_key.json",
        "peerage.network": "some-chain-id",
        "p2p.seed_mode": True,
        "p2p.addr_book_file": "data/addrbook.json",
        "p2p.addr_book_strict": False,
        "p2p.laddr": "tcp://0.0.0.0:26656",
        "p2p.max_num_inbound_peers": 1000,
        "p2p.max_num_outbound_peers": 10,
        "p2p.seeds": "s",
    }
    (warning,) = found.warnings
    assert warning.startswith("chain_id (file f): a file of tenderseed: its keys are taken as those of [p2p]")
    ours = TENDERSEED + '[p2p]\nseed_mode = false\nseeds = "t"\n[peerage]\nnetwork = "n"\n'
    values = values_of(tomllib.loads(ours), "file f").values
    assert [values[name] for name in ("p2p.seed_mode", "p2p.seeds", "peerage.network")] == [False, "t", "n"]


def test_a_key_of_p2p_that_stands_before_all_sections_is_told() -> None:
    """It was ignored without a word, as those of CometBFT that mean nothing here are."""
    found = values_of(
        {"seeds": "s", "Max-Num-Inbound-Peers": 7, "chain-id": "c", "p2p": {"seeds": "t"}}, "file f"
    )
    assert found.values == {"p2p.seeds": "t"}
    assert found.warnings == [
        "seeds (file f): ignored, it belongs below [p2p]",
        "max_num_inbound_peers (file f): ignored, it belongs below [p2p]",
        "chain_id (file f): ignored, network below [peerage] is what counts",
    ]


V035 = """
mode = "seed"
node-key-file = "k.json"
log-level = "debug"
[p2p]
max-num-inbound-peers = 7
persistent-peers = "a"
seeds = "s"
bootstrap-peers = "b,c"
[rpc]
max-body-bytes = 5
cors-allowed-origins = ["*"]
[instrumentation]
prometheus-listen-addr = ":1"
"""


def test_hyphens_of_v035_are_underscores() -> None:
    """All keys of ours are found; its bootstrap peers are ours, and its mode "seed" becomes seed_mode."""
    found = values_of(tomllib.loads(V035), "f")
    assert found.values == {
        "p2p.seed_mode": True,
        "node_key_file": "k.json",
        "log_level": "debug",
        "p2p.max_num_inbound_peers": 7,
        "p2p.persistent_peers": "a",
        "p2p.seeds": "s",
        "peerage.bootstrap_peers": "b,c",
        "rpc.max_body_bytes": 5,
        "rpc.cors_allowed_origins": ["*"],
        "instrumentation.prometheus_listen_addr": ":1",
    }
    assert [warning.split(" ")[0] for warning in found.warnings] == ["mode"]
    assert found.mistakes == []


@pytest.mark.parametrize("document", [{"max-a": 1}, {"pex": True, "p-e-x": False}])
def test_a_hyphen_makes_no_other_key(document: dict[str, object]) -> None:
    """Only keys with underscores may be written with hyphens."""
    assert len(values_of({"p2p": document}, "f").warnings) == 1


def test_of_both_spellings_the_underscore_counts() -> None:
    """CometBFT reads only that one, so a file that works there works here; a warning says that the other has no effect."""
    for order in (("seed_mode", "seed-mode"), ("seed-mode", "seed_mode")):
        found = values_of({"p2p": {key: key == "seed_mode" for key in order}}, "f")
        assert found.values == {"p2p.seed_mode": True}
        (warning,) = found.warnings
        assert "seed-mode" in warning
        assert not found.mistakes


def test_libp2p_is_silent_until_it_is_on() -> None:
    """v0.39 writes the section, whatever is in it, into every file."""
    section = {
        "enabled": False,
        "scaler": {"overrides": [{"reactor": "MEMPOOL"}]},
        "bootstrap_peers": [],
        "x": 1,
    }
    found = values_of({"p2p": {"libp2p": section}}, "f")
    assert (found.values, found.warnings, found.mistakes) == ({"p2p.libp2p.enabled": False}, [], [])


def test_retired_keys_are_no_typing_errors() -> None:
    """v0.34's upnp gives no warning while it is false, and one when it is true."""
    assert values_of({"p2p": {"upnp": False}}, "f").warnings == []
    (warning,) = values_of({"p2p": {"UPNP": True}}, "f").warnings
    assert "p2p.upnp" in warning


def test_keys_in_any_case() -> None:
    """Sections and keys may be in any case, but each may be given only once."""
    found = values_of({"P2P": {"Seed_Mode": True, "Test_Fuzz_Config": {"MODE": 1}}}, "f")
    assert found.values == {"p2p.seed_mode": True, "p2p.test_fuzz_config.mode": 1}
    twice = values_of({"p2p": {"pex": True, "PEX": False}, "RPC": {}, "rpc": {}}, "f")
    assert [mistake.key for mistake in twice.mistakes] == ["p2p.pex", "rpc"]


def test_a_section_that_is_none() -> None:
    """A value in place of a section is a mistake."""
    (mistake,) = values_of({"p2p": 5}, "f").mistakes
    assert (mistake.key, mistake.found) == ("p2p", "5")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"[p2p\n", "line 1"),
        (b"[p2p]\npex = true\npex = false\n", "overwrite"),
        (b"a = '\xff'", "not UTF-8 at position 5"),
        (b"a = " + b"[" * 100_000, "nested too deeply"),
        (b"a" * (SIZE_LIMIT + 1), "more than 1,048,576 bytes"),
    ],
    ids=["no TOML", "key twice", "no UTF-8", "nested", "large"],
)
def test_broken_files(tmp_path: Path, content: bytes, part: str) -> None:
    """A file that is not TOML is one mistake, which names the file and the place."""
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml_file(path)
    (mistake,) = caught.value.mistakes
    assert part in str(mistake)
    assert str(path) in str(mistake)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on other systems write one."""
    (tmp_path / "c").write_bytes(b"\xef\xbb\xbfmoniker = 'a'\r\n")
    assert read_toml_file(tmp_path / "c").values == {"moniker": "a"}


def test_files_that_are_none(tmp_path: Path) -> None:
    """A pipe or a directory in place of the file is a mistake; a missing file is reported differently."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ConfigError):
            read_toml_file(path)
    with pytest.raises(FileNotFoundError):
        read_toml_file(tmp_path / "no")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40) | st.text(alphabet="[]p2=\".\n'ex{},#", max_size=40).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    """No content raises anything but ConfigError."""
    (tmp_path / "c").write_bytes(content)
    with contextlib.suppress(ConfigError):
        read_toml_file(tmp_path / "c")


def test_nearest() -> None:
    """The nearest name, in its own spelling; none if nothing is near."""
    assert nearest("MAX_DELAY", ["MaxDelay", "Mode"]) == "MaxDelay"
    assert nearest("qqq", ["MaxDelay", "Mode"]) is None
    assert nearest("x" * 100_000, ["MaxDelay"]) is None


def test_an_unknown_key_is_shown_on_one_line() -> None:
    """A quoted key may hold anything."""
    (warning,) = values_of({"p2p": {"a\x1b\n" + "b" * 100: 1}}, "file f").warnings
    assert warning.isprintable()
    assert warning.startswith("p2p.a\\U0000001b\\nbbb")
    assert "b" * 81 not in warning
