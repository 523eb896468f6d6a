import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.config.errors import ConfigError
from peerage.config.toml_file import SIZE_LIMIT, nearest, read_toml_file, values_of
from tests.config.vectors import CONFIG_TOML


def test_cometbfts_own_file_gives_no_warning() -> None:
    """All that CometBFT writes is known or none of our business."""
    found = read_toml_file(CONFIG_TOML)
    assert not found.warnings
    assert not found.mistakes
    assert found.values["p2p.laddr"] == "tcp://0.0.0.0:26656"
    assert found.values["moniker"] == "node"


def test_unknown_keys_of_p2p_are_warned_about_with_the_nearest_name() -> None:
    """A typing error in [p2p] or [peerage] is named with what was probably meant; elsewhere it is
    CometBFT's.
    """
    found = values_of(
        {
            "p2p": {"persistent_peer": "", "zzz": 1},
            "peerage": {"peer_host": 1},
            "rpc": {"x": 1},
            "nonsense": {"a": 1},
        },
        "file f",
    )
    assert found.warnings == [
        "p2p.persistent_peer (file f): unknown, ignored; did you mean persistent_peers?",
        "p2p.zzz (file f): unknown, ignored",
        "peerage.peer_host (file f): unknown, ignored; did you mean peer_hosts?",
    ]


def test_retired_keys_are_no_typing_errors() -> None:
    """v0.34's upnp is silent while false, and said to do nothing when true."""
    assert values_of({"p2p": {"upnp": False}}, "f").warnings == []
    (warning,) = values_of({"p2p": {"UPNP": True}}, "f").warnings
    assert "p2p.upnp" in warning


def test_keys_in_any_case() -> None:
    """Sections and keys may be in any case, but only once."""
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
    """What cannot be read as TOML is one mistake that names the file and the place."""
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_toml_file(path)
    (mistake,) = caught.value.mistakes
    assert part in str(mistake)
    assert str(path) in str(mistake)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Editors on other systems put one in front."""
    (tmp_path / "c").write_bytes(b"\xef\xbb\xbfmoniker = 'a'\r\n")
    assert read_toml_file(tmp_path / "c").values == {"moniker": "a"}


def test_files_that_are_none(tmp_path: Path) -> None:
    """A pipe or a directory in the file's place is a mistake, a missing one is told apart."""
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
    """The nearest name, in its own spelling; nothing when nothing is near."""
    assert nearest("MAX_DELAY", ["MaxDelay", "Mode"]) == "MaxDelay"
    assert nearest("qqq", ["MaxDelay", "Mode"]) is None
    assert nearest("x" * 100_000, ["MaxDelay"]) is None
