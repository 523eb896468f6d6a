from pathlib import Path

import pytest

from peerage.config.errors import ConfigError
from peerage.config.home import Home
from peerage.config.layers import flag_name, settle_layers, settle_network
from peerage.config.resolution import Resolution
from peerage.config.sections import SETTINGS
from peerage.config.setting import Setting
from tests.config.homes import home_with


def settle(
    home: Home, flags: dict[str, str] | None = None, environ: dict[str, str] | None = None
) -> Resolution:
    """Settle with what is given, and nothing of this process's environment."""
    return settle_layers(home, flags or {}, environ or {}, file_needed=True)


def test_flag_then_environment_then_file_then_default(tmp_path: Path) -> None:
    """Each source yields to the one before it, and the winner is remembered."""
    home = home_with(tmp_path, '[p2p]\nladdr = "tcp://file:1"\n')
    environ = {"PEERAGE_P2P_LADDR": "tcp://ours:1", "CMT_P2P_LADDR": "tcp://theirs:1"}
    flags = {"p2p.laddr": "tcp://flag:1"}
    for given, source, value in (
        (settle(home, flags, environ), "flag --p2p.laddr", "tcp://flag:1"),
        (settle(home, {}, environ), "environment PEERAGE_P2P_LADDR", "tcp://ours:1"),
        (
            settle(home, {}, {"CMT_P2P_LADDR": "tcp://theirs:1"}),
            "environment CMT_P2P_LADDR",
            "tcp://theirs:1",
        ),
        (settle(home), f"file {home.config_file}", "tcp://file:1"),
    ):
        assert given.values == {"p2p.laddr": value}
        assert given.sources == {"p2p.laddr": source}
    assert settle(home_with(tmp_path, "")).values == {}


# Of settings that take certain words only.
OTHERS = {
    "log_level": "debug",
    "log_format": "json",
    "peerage.dashboard": "any",
    "peerage.metric_names": "v1",
    "peerage.peer_labels": "top:5",
}


def _other_than_default(setting: Setting[object]) -> str:
    metavar = setting.declared.kind.metavar
    if setting.name in OTHERS:
        return OTHERS[setting.name]
    if "NUMBER" in metavar:
        return (
            "1" if setting.section == "p2p.test_fuzz_config" else "2000" if "window" in setting.key else "7"
        )
    return {"[true|false]": "false" if setting.default else "true", "DURATION": "7s"}.get(metavar, "other")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_heard_by_every_way(tmp_path: Path, setting: Setting[object]) -> None:
    """Flag (hyphens or underscores), every variable, and file all give the same value, of another than the
    default.
    """
    text = _other_than_default(setting)
    home, empty = home_with(tmp_path / "a", ""), home_with(tmp_path / "b", "")
    header = f"[{setting.section}]\n" if setting.section else ""
    in_file = home_with(tmp_path / "c", f'{header}{setting.key.upper()} = "{text}"\n')
    expected = setting.from_text(text)
    assert expected != setting.default
    ways = [
        settle(home, {setting.name: text}),
        settle(home, {setting.flag: text}),
        settle(home, {setting.flag.replace("_", "-"): text}),
        *(settle(empty, {}, {variable: text}) for variable in setting.variables),
        settle(in_file),
    ]
    for way in ways:
        assert way.values == {setting.name: expected}
        assert not way.mistakes


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    """As in CometBFT, `CMT_P2P_SEEDS=` in a compose file changes nothing."""
    home = home_with(tmp_path, "[p2p]\nmax_num_inbound_peers = 3\n")
    environ = {"PEERAGE_P2P_MAX_NUM_INBOUND_PEERS": "", "CMT_P2P_MAX_NUM_INBOUND_PEERS": "4"}
    assert settle(home, {}, environ).values == {"p2p.max_num_inbound_peers": 4}


def test_a_flag_mends_the_file(tmp_path: Path) -> None:
    """Only the value that wins is checked."""
    home = home_with(tmp_path, '[p2p]\nsend_rate = "fast"\n')
    assert settle(home).mistakes
    assert not settle(home, {"p2p.send_rate": "5"}).mistakes


def test_all_mistakes_of_all_sources(tmp_path: Path) -> None:
    """Every mistake names the key, the source, what was found and what is allowed."""
    home = home_with(tmp_path, '[p2p]\nmax_num_inbound_peers = "many"\nseeds = ["a"]\n')
    settled = settle(home, {"p2p.pex": "maybe", "no.such": "1"}, {"CMT_P2P_DIAL_TIMEOUT": "5"})
    lines = [str(mistake) for mistake in settled.mistakes]
    assert len(lines) == 5
    joined = "\n".join(lines)
    for part in (
        f'p2p.max_num_inbound_peers: found "many" (file {home.config_file}), allowed: a whole number, 0',
        "p2p.seeds: found ['a']",
        'p2p.pex: found "maybe" (flag --p2p.pex), allowed: true or false',
        'p2p.dial_timeout: found "5" (environment CMT_P2P_DIAL_TIMEOUT), allowed: a duration',
        'found "1" (flag no.such)',
    ):
        assert part in joined


def test_misspelt_variables_are_warned_about(tmp_path: Path) -> None:
    """For an unknown variable of ours the warning names what was probably meant; others are ignored."""
    environ = {
        "PEERAGE_P2P_LADR": "x",
        "PEERAGE_HOME": "x",
        "PEERAGE_CI": "x",
        "CMT_P2P_UPNP": "true",
        "CMT_X": "y",
    }
    (warning,) = settle(home_with(tmp_path, ""), {}, environ).warnings
    assert warning == "PEERAGE_P2P_LADR (environment): unknown, ignored; did you mean PEERAGE_P2P_LADDR?"


def test_of_other_variables_only_those_much_like_ours_are_warned_about(tmp_path: Path) -> None:
    """Kubernetes makes some for a service that is named peerage."""
    others = dict.fromkeys(
        (
            "HOME",
            "EXTERNAL_IP",
            "PORT",
            "PORT_26656_TCP_ADDR",
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_P2P",
        ),
        "x",
    )
    wrong = {"LISTEN_ALS": "x", "ROTATE_PEER": "5m", "MONIKR": "x"}
    environ = {f"PEERAGE_{name}": value for name, value in (others | wrong).items()}
    assert settle(home_with(tmp_path, ""), environ=environ).warnings == [
        "PEERAGE_LISTEN_ALS (environment): unknown, ignored; did you mean PEERAGE_LISTEN_ALSO?",
        "PEERAGE_MONIKR (environment): unknown, ignored; did you mean PEERAGE_MONIKER?",
        "PEERAGE_ROTATE_PEER (environment): unknown, ignored; did you mean PEERAGE_ROTATE_PEERS?",
    ]


def test_remarks_become_warnings(tmp_path: Path) -> None:
    """A value that is probably not meant is accepted, with a warning that names it."""
    (warning,) = settle(home_with(tmp_path, "[p2p]\ndial_timeout = 5\n")).warnings
    assert "p2p.dial_timeout" in warning
    assert "5ns" in warning


def test_a_missing_file(tmp_path: Path) -> None:
    """It is a mistake that says how to correct it, unless no file is needed."""
    with pytest.raises(ConfigError, match="peerage init --home"):
        settle_layers(Home(tmp_path), {}, {}, file_needed=True)
    assert settle_layers(Home(tmp_path), {}, {}, file_needed=False).values == {}


@pytest.mark.parametrize(
    ("genesis", "name"), [('{"chain_id": "c"}', "c"), (None, ""), ("{}", None), ("", None)], ids=repr
)
def test_the_network_is_the_genesis_files(tmp_path: Path, genesis: str | None, name: str | None) -> None:
    """If nothing else names the network, chain_id does; only then is a broken file a mistake."""
    settled = Resolution()
    home = home_with(tmp_path, "", genesis=genesis)
    found = settle_network(home, "config/genesis.json", settled)
    assert found == (name or "")
    assert bool(settled.mistakes) == (name is None)


def test_a_named_network_needs_no_genesis_file(tmp_path: Path) -> None:
    """--network wins, and then the genesis file is not read, broken or not."""
    home = home_with(tmp_path, "", genesis="broken")
    settled = settle(home, {"peerage.network": "n"})
    assert settle_network(home, "config/genesis.json", settled) == "n"
    assert not settled.mistakes
    assert settled.sources["network"] == "flag --network"


def test_spellings_of_flags() -> None:
    """Hyphens and underscores are equivalent."""
    assert flag_name("--p2p.external-address") == flag_name("p2p.external_address")


@pytest.mark.parametrize(
    ("files", "preferred"),
    [
        (["config.toml"], "config.toml"),
        (["config.yaml"], "config.yaml"),
        (["config/config.json"], "config/config.json"),
        (["config.yml", "config/config.json"], "config.yml"),
        (["config.env", "config.toml", "config.json"], "config.json"),
        (["config/config.yaml", "config/config.yml", "config", "app.toml"], None),
    ],
)
def test_a_file_that_cometbft_would_prefer_is_named(
    tmp_path: Path, files: list[str], preferred: str | None
) -> None:
    """CometBFT takes the first of many names, in the home itself first; we read only config/config.toml."""
    home = home_with(tmp_path, "")
    for name in files:
        if not (tmp_path / name).exists():
            (tmp_path / name).write_text("")
    warnings = settle(home).warnings
    expected = f"{tmp_path}/{preferred}: not read; CometBFT would read it instead of {home.config_file}"
    assert warnings == ([expected] if preferred else [])


def test_a_file_in_the_wrong_place_is_named_where_there_is_no_other(tmp_path: Path) -> None:
    """It is the likely reason why config.toml is missing."""
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(ConfigError) as caught:
        settle_layers(Home(tmp_path), {}, {}, file_needed=True)
    assert "config.toml: not read" in caught.value.warnings[0]


def test_names_that_a_terminal_would_obey_are_escaped(tmp_path: Path) -> None:
    """Of variables and of flags."""
    settled = settle(home_with(tmp_path, ""), {"--p2p.\x1b[2J": "x"}, {"PEERAGE_P2P_\udcc7\x1b": "x"})
    (warning,), (mistake,) = settled.warnings, settled.mistakes
    assert warning.startswith("PEERAGE_P2P_\\U0000dcc7\\U0000001b (environment): unknown")
    assert str(mistake).isprintable()
