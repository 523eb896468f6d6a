"""What config.toml becomes when it is changed or migrated."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from peerage.config.changed_file import UneditableError, migrated, with_value
from peerage.config.errors import UnfitValueError
from peerage.config.foreign_setting import is_cometbfts_today
from peerage.config.sections import SETTINGS
from peerage.config.toml_file import values_of

COMETBFTS = (Path(__file__).parents[1] / "vectors" / "config.toml").read_text()
BY_NAME = {setting.name: setting for setting in SETTINGS}
PEER = f"{'ab' * 20}@192.0.2.1:26656"

V035 = f"""\
# of v0.35
mode = "seed"
proxy-app = "tcp://127.0.0.1:26658"
log-level = "error"

[rpc]
laddr = "tcp://127.0.0.1:1"
grpc-laddr = ""
event-log-window-size = "30s"

[p2p]
use-legacy = false
# whom to know
bootstrap-peers = "{PEER}"
persistent-peers = ""   # none
queue-type = "priority"
upnp = false

[consensus]
double-sign-check-height = 0
"""


@pytest.mark.parametrize("name", BY_NAME)
def test_every_setting_can_be_written_and_read_again(name: str) -> None:
    """Into CometBFT's own file; the default on this machine as an example."""
    setting = BY_NAME[name]
    value = setting.declared.kind.to_toml(setting.default)
    text = ",".join(setting.default) if isinstance(setting.default, tuple) else value.strip('"')
    found = values_of(tomllib.loads(with_value(COMETBFTS, setting, text)), "").values
    assert setting.from_toml(found[name.lower()]) == setting.default


def test_auto_stays_auto() -> None:
    assert with_value("", BY_NAME["peerage.peer_hosts"], "auto") == '[peerage]\npeer_hosts = "auto"\n'


def test_a_value_that_cannot_be_is_refused() -> None:
    with pytest.raises(UnfitValueError):
        with_value("", BY_NAME["p2p.pex"], "perhaps")


def test_of_two_spellings_the_one_that_counts_is_changed() -> None:
    """What is no TOML is refused."""
    both = "[p2p]\nsend-rate = 1\nsend_rate = 2\n"
    new = with_value(both, BY_NAME["p2p.send_rate"], "3")
    assert new == "[p2p]\nsend-rate = 1\nsend_rate = 3\n"
    with pytest.raises(UneditableError):
        with_value("[p2p", BY_NAME["p2p.send_rate"], "3")


def test_a_file_of_today_is_left_alone() -> None:
    done = migrated(COMETBFTS)
    assert (done.text, done.told) == (COMETBFTS, ())
    assert done.left == ("blocksync", "consensus", "mempool", "statesync", "storage", "tx_index")


def test_old_names_are_changed_and_each_change_is_told() -> None:
    """Comments stay where they were; nothing is lost."""
    done = migrated(V035)
    assert done.told == (
        "mode: now p2p.seed_mode",
        "log-level: now log_level",
        "p2p.use-legacy: now a comment, no version of today has it",
        "p2p.bootstrap-peers: now peerage.bootstrap_peers",
        "p2p.persistent-peers: now persistent_peers",
        "p2p.queue-type: now a comment, a key of Tendermint v0.35 and its forks, ignored",
        "p2p.upnp: now a comment, ignored, CometBFT dropped it after v0.34",
        "rpc.event-log-window-size: now a comment, a key of Tendermint v0.35 and its forks, ignored: no such events here",
    )
    assert done.left == ("consensus",)
    assert done.text.startswith('# of v0.35\n# mode = "seed"\nproxy-app = ')
    assert f'# whom to know\n# bootstrap-peers = "{PEER}"\npersistent_peers = ""   # none\n' in done.text
    now = tomllib.loads(done.text)
    assert now["p2p"] == {"persistent_peers": "", "seed_mode": True}
    assert now["peerage"] == {"bootstrap_peers": PEER}
    assert now["rpc"]["grpc-laddr"] == ""
    assert migrated(done.text).told == ()


def test_of_two_spellings_the_one_that_counts_stays() -> None:
    done = migrated("[p2p]\nsend-rate = 1\nsend_rate = 2\n")
    assert done.text == "[p2p]\n# send-rate = 1\nsend_rate = 2\n"


@pytest.mark.parametrize("text", ["[p2p", "[p2p]\nbootstrap-peers = 3\n"])
def test_what_cannot_be_migrated_is_refused(text: str) -> None:
    with pytest.raises((UneditableError, UnfitValueError)):
        migrated(text)


def test_what_cometbft_has_today_is_no_old_key() -> None:
    assert is_cometbfts_today("rpc", "grpc_laddr")
    assert not is_cometbfts_today("p2p", "upnp")
