import json
import tomllib
from pathlib import Path

import pytest

from tests.face.command_line import run

VECTORS = Path(__file__).parents[2] / "vectors"


def write(path: Path, toml: str) -> Path:
    """Write a home's config.toml."""
    (path / "config").mkdir(exist_ok=True)
    (path / "config" / "config.toml").write_text(toml)
    return path


def test_check_of_a_fresh_home(tmp_path: Path) -> None:
    """There is nothing wrong with what init wrote."""
    run("init", "--home", tmp_path, "--network", "n")
    result = run("config", "check", "--home", tmp_path, "--p2p.external_address", "8.8.4.4:26656")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "nothing wrong" in result.stdout


def test_check_lists_every_mistake(tmp_path: Path) -> None:
    """Each on a line with key, source, what was found, what is allowed; exit code 2."""
    write(tmp_path, '[p2p]\nmax_num_inbound_peers = "many"\nseeds = "x"\nlader = ""\nladdr = "0.0.0.0"\n')
    result = run("config", "check", "--home", tmp_path, "--network", "n", "--p2p.pex=maybe")
    assert result.exit_code == 2
    warning, *lines = result.stderr.splitlines()
    assert "did you mean laddr?" in warning
    assert lines[0] == "Error: 4 mistakes in the configuration:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "p2p.laddr",
        "p2p.seeds",
        "p2p.max_num_inbound_peers",
        "p2p.pex",
    ]


def test_check_of_cometbfts_home(tmp_path: Path) -> None:
    """There is nothing wrong with CometBFT's config.toml and genesis.json; a warning says that there is no key yet."""
    write(tmp_path, (VECTORS / "config.toml").read_text())
    (tmp_path / "config" / "genesis.json").write_text('{"chain_id": "c"}')
    result = run("config", "check", "--home", tmp_path)
    assert result.exit_code == 0
    assert "no node key file" in result.stderr


def test_check_warns_of_misspelt_keys(tmp_path: Path) -> None:
    """An unknown key of [p2p] is a warning with the nearest name, not a mistake."""
    write(tmp_path, "[p2p]\npersistent_peer = ''\n")
    result = run("config", "check", "--home", tmp_path, "--network", "n")
    assert result.exit_code == 0
    assert "did you mean persistent_peers?" in result.stderr


def test_check_looks_at_the_node_key(tmp_path: Path) -> None:
    """A key that others may read keeps a node from starting."""
    run("init", "--home", tmp_path, "--network", "n")
    (tmp_path / "config" / "node_key.json").chmod(0o644)
    result = run("config", "check", "--home", tmp_path)
    assert result.exit_code == 2
    assert "found mode 0644" in result.stderr


@pytest.mark.parametrize("key", ["laddr", "external_address"])
@pytest.mark.parametrize("host", ["{YOUR_IP}", "<ip>", "your.domain here", "YOUR_IP.invalid"])
def test_check_refuses_a_host_that_is_none(tmp_path: Path, key: str, host: str) -> None:
    """One sentence with key and value, for a placeholder that nobody filled in and for a name that does not resolve."""
    run("init", "--home", tmp_path, "--network", "n")
    result = run("config", "check", "--home", tmp_path, f"--p2p.{key}", f"tcp://{host}:26656")
    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert f'p2p.{key}: found "tcp://{host}:26656"' in line


def test_check_says_that_we_are_among_our_peers(tmp_path: Path) -> None:
    """One warning for each list, however the ID is written and however often it is there; it is not a mistake."""
    run("init", "--home", tmp_path, "--network", "n")
    own = run("show-node-id", "--home", tmp_path).stdout.strip()
    lists = {
        "--p2p.persistent_peers": f"{own}@1.2.3.4:5",
        "--p2p.seeds": f"{own.upper()}@1.2.3.4:5,{own}@1.2.3.4:5",
    }
    result = run("config", "check", "--home", tmp_path, *(part for pair in lists.items() for part in pair))
    assert result.exit_code == 0
    for key in ("p2p.persistent_peers", "p2p.seeds"):
        assert f'Warning: {key}: "{own}@1.2.3.4:5" is this node itself' in result.stderr
    assert result.stderr.count("is this node itself") == 2


def test_check_says_whose_name_has_no_address(tmp_path: Path) -> None:
    """A warning for each: a node looks names up anew at each dial, and starts as long as there is somebody else."""
    run("init", "--home", tmp_path, "--network", "n")
    gone = f"{'ab' * 20}@name.invalid:5"
    flags = ("--p2p.persistent_peers", gone, "--p2p.seeds", f"{gone},{'cd' * 20}@1.2.3.4:5")
    result = run("config", "check", "--home", tmp_path, *flags)
    assert result.exit_code == 0
    for key in ("p2p.persistent_peers", "p2p.seeds"):
        assert f'Warning: {key}: "{gone}": the name has no address' in result.stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--p2p.laddr", "tcp://127.0.0.1:26656"), "127.0.0.1:26656, a loopback address"),
        (("--p2p.laddr", "tcp://10.1.2.3:26656"), "10.1.2.3:26656, a private address"),
        (("--p2p.external_address", "0.0.0.0:1", "--p2p.laddr", "tcp://10.1.2.3:5"), "leads nobody here"),
    ],
)
def test_check_warns_of_an_address_that_is_of_no_use_to_others(
    tmp_path: Path, flags: tuple[str, ...], words: str
) -> None:
    """One line, as the start of the node says it."""
    run("init", "--home", tmp_path, "--network", "n")
    result = run("config", "check", "--home", tmp_path, *flags)
    assert result.exit_code == 0
    assert words in result.stderr


def test_strict_check_counts_warnings_as_mistakes(tmp_path: Path) -> None:
    """Those of the file and those of its meaning; without any the exit code is 0."""
    write(tmp_path, '[p2p]\nladdr = "tcp://127.0.0.1:26656"\npersistent_peer = ""\n')
    run("gen-node-key", "--home", tmp_path)
    result = run("config", "check", "--strict", "--home", tmp_path, "--network", "n")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == "Error: 2 warnings, which --strict counts as mistakes"
    write(tmp_path, '[p2p]\nexternal_address = "8.8.4.4:26656"\n')
    fine = run("config", "check", "--strict", "--home", tmp_path, "--network", "n")
    assert (fine.exit_code, fine.stderr) == (0, "")


def test_check_without_a_file(tmp_path: Path) -> None:
    """A missing file is a mistake that says which command writes one."""
    result = run("config", "check", "--home", tmp_path)
    assert result.exit_code == 2
    assert "no such file" in result.stderr
    assert f"peerage init --home {tmp_path}" in result.stderr


def test_show_says_where_each_value_is_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, environment, file and default; the output is valid TOML."""
    write(tmp_path, "[p2p]\npex = false\n")
    monkeypatch.setenv("CMT_P2P_DIAL_TIMEOUT", "7s")
    result = run(
        "config", "show", "--home", tmp_path, "--p2p.external_address", "1.2.3.4:5", "--network", "n"
    )
    assert result.exit_code == 0
    shown = tomllib.loads(result.stdout)["p2p"]
    assert (shown["pex"], shown["dial_timeout"], shown["external_address"]) == (False, "7s", "1.2.3.4:5")
    sources = {
        line.split(" ")[0]: line.partition("# ")[2] for line in result.stdout.splitlines() if " = " in line
    }
    assert sources["pex"] == f"file {tmp_path}/config/config.toml"
    assert sources["dial_timeout"] == "environment CMT_P2P_DIAL_TIMEOUT"
    assert sources["external_address"] == "flag --p2p.external-address"
    assert sources["seeds"] == "default"
    assert '# network: "n", from flag --network' in result.stdout
    assert "test_dial_fail" not in result.stdout


@pytest.mark.parametrize("spelling", ["--p2p.external-address", "--p2p.external_address"])
def test_hyphens_and_underscores_are_alike(tmp_path: Path, spelling: str) -> None:
    """Both CometBFT's spelling and the key's are flags."""
    shown = run("config", "show", "p2p.external_address", "--home", tmp_path, spelling, "1.2.3.4:5").stdout
    assert 'external_address = "1.2.3.4:5"' in shown


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        (["--p2p.seed_mode"], True),
        (["--p2p.seed_mode=true"], True),
        (["--p2p.pex", "false"], False),
        ([], False),
    ],
)
def test_switches_need_no_value(tmp_path: Path, arguments: list[str], value: bool) -> None:
    """As in CometBFT, a switch without a value means true."""
    shown = json.loads(run("config", "show", "--json", "--home", tmp_path, *arguments).stdout)["settings"]
    key = "p2p.pex" if "--p2p.pex" in arguments else "p2p.seed_mode"
    assert shown[key]["value"] is value


def test_repeated_reactors(tmp_path: Path) -> None:
    """--reactor may be given more than once."""
    arguments = ["--reactor", "a.b:C", "--reactor", "X=d:E"]
    assert 'reactors = "a.b:C,X=d:E"' in run("config", "show", "--home", tmp_path, *arguments).stdout


def test_show_of_some_settings(tmp_path: Path) -> None:
    """A section, a setting, a hidden one by name; an unknown name is a mistake with the nearest."""
    shown = json.loads(run("config", "show", "instrumentation", "--json", "--home", tmp_path).stdout)
    assert set(shown["settings"]) == {
        "instrumentation.prometheus",
        "instrumentation.prometheus_listen_addr",
        "instrumentation.max_open_connections",
        "instrumentation.namespace",
    }
    assert "Mode = 0" in run("config", "show", "p2p.test-fuzz-config.mode", "--home", tmp_path).stdout
    assert "test_dial_fail" in run("config", "show", "--all", "--home", tmp_path).stdout
    result = run("config", "show", "p2p.ladr", "--home", tmp_path)
    assert result.exit_code == 2
    assert "did you mean p2p.laddr?" in result.stderr


def test_show_without_a_file(tmp_path: Path) -> None:
    """The defaults are shown, and a warning says that there is no file."""
    result = run("config", "show", "--home", tmp_path)
    assert result.exit_code == 0
    assert "no such file" in result.stderr


@pytest.mark.parametrize("command", [("init",), ("config", "check")])
def test_a_home_that_others_may_write_earns_a_warning(tmp_path: Path, command: tuple[str, ...]) -> None:
    """It is theirs as much as its owner's; nothing is refused for that."""
    run("init", "--home", tmp_path, "--network", "a")
    tmp_path.chmod(0o777)
    result = run(*command, "--home", tmp_path)
    assert result.exit_code == 0
    assert f"Warning: {tmp_path}: found mode 0777" in result.stderr


def test_check_tells_programs_each_mistake(tmp_path: Path) -> None:
    """On standard output or in a file; on standard error and by the exit code it is as without."""
    run("init", "--home", tmp_path, "--network", "n")
    well = json.loads(run("config", "check", "--home", tmp_path, "--json").stdout)
    assert (well["well"], well["mistakes"], well["file"]) == (True, [], str(tmp_path / "config/config.toml"))
    result = run("config", "check", "--home", tmp_path, "--p2p.pex=maybe", "--json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert not told["well"]
    (mistake,) = told["mistakes"]
    assert (mistake["key"], mistake["found"]) == ("p2p.pex", '"maybe"')
    assert mistake["allowed"] in result.stderr
    (tmp_path / "config/node_key.json").chmod(0o644)
    result = run("config", "check", "--home", tmp_path, "--json")
    (mistake,) = json.loads(result.stdout)["mistakes"]
    assert (mistake["key"], result.exit_code) == ("node_key_file", 2)
    assert result.stderr == f"Error: {mistake['reason']}\n"


def test_a_strict_check_tells_programs_of_warnings(tmp_path: Path) -> None:
    run("init", "--home", tmp_path, "--network", "n")
    tmp_path.chmod(0o777)
    file = tmp_path / "told.json"
    for strict in ((), ("--strict",)):
        result = run("config", "check", "--home", tmp_path, "--json", "--output", file, *strict)
        told = json.loads(file.read_text())
        assert (told["well"], bool(result.exit_code)) == (not strict, bool(strict))
        assert any("0777" in warning for warning in told["warnings"])
