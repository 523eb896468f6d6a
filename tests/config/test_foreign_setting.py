from pathlib import Path

import pytest

from peerage.config.errors import ConfigError
from peerage.config.foreign_setting import foreign_setting, foreign_variables
from peerage.config.sections import SETTINGS
from peerage.config.toml_file import values_of
from tests.config.homes import load


@pytest.mark.parametrize("key", ["ping_interval", "pong_timeout", "keys_per_request"])
def test_keys_of_a_fork_are_named_as_such_without_a_guess(key: str) -> None:
    """31 published files of one chain have such keys."""
    (warning,) = values_of({"p2p": {key: "450s"}}, "file f").warnings
    assert warning.startswith(f"p2p.{key} (file f): a key of BNB Chain's fork of Tendermint, ignored")
    assert "did you mean" not in warning


def test_nothing_is_said_of_what_asks_for_nothing() -> None:
    """Neither the defaults of versions and forks nor empty values are worth a warning."""
    document = {
        "p2p": {
            "upnp": False,
            "use-legacy": False,
            "max-connections": 64,
            "queue-type": "priority",
            "home": "x",
        },
        "rpc": {
            "grpc_laddr": "",
            "pprof_laddr": "",
            "max_subscription_clients": 100,
            "max_subscriptions_per_client": 5,
            "experimental_close_on_slow_client": False,
            "timeout_broadcast_tx_commit": "60s",
            "tls_cert_file": "",
        },
    }
    found = values_of(document, "f")
    assert (found.warnings, found.mistakes) == ([], [])


def test_what_peerage_has_not_of_rpc_is_said(tmp_path: Path) -> None:
    """From the file and from the environment, one line each."""
    file = '[rpc]\npprof_laddr = "localhost:6060"\nmax_subscription_clients = 7\n'
    config = load(tmp_path, file, environ={"CMT_RPC_GRPC_LADDR": "tcp://h:1", "CMT_RPC_PPROF_LADDR": ""})
    said = [warning.split(" (")[0] for warning in config.warnings]
    assert said == ["rpc.pprof_laddr", "rpc.max_subscription_clients", "rpc.grpc_laddr"]


@pytest.mark.parametrize("key", ["tls_cert_file", "tls_key_file", "tls-key-file"])
def test_a_key_for_tls_is_never_ignored_silently(tmp_path: Path, key: str) -> None:
    """The node does not start, since it would serve RPC unencrypted while its operator believes otherwise."""
    with pytest.raises(ConfigError, match="without TLS"):
        load(tmp_path, f'[rpc]\n{key} = "/etc/key.pem"\n').check()
    with pytest.raises(ConfigError, match="without TLS"):
        load(tmp_path, environ={"CMT_RPC_TLS_KEY_FILE": "k"}, to_start=True)


def test_no_foreign_setting_is_ours() -> None:
    """No setting of ours is said to be another program's."""
    assert not [setting.name for setting in SETTINGS if foreign_setting(setting.section, setting.key)]
    assert len({variable for variable, _, _ in foreign_variables()}) == len(list(foreign_variables()))
