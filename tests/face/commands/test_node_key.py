import json
from pathlib import Path

import pytest

from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from peerage.config.node_key_file import load_node_key
from tests.face.command_line import run

KEYS = json.loads((Path(__file__).parents[2] / "vectors" / "keys.json").read_text())["keys"]


def test_show_node_id_prints_the_id_alone(tmp_path: Path) -> None:
    """As in CometBFT: the ID and nothing else, with --home before or after the command."""
    key_file = tmp_path / "config" / "node_key.json"
    key_file.parent.mkdir()
    key_file.write_text(KEYS[1]["node_key_json"])
    key_file.chmod(0o600)
    for arguments in (["show-node-id", "--home", tmp_path], ["--home", tmp_path, "show_node_id"]):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (0, KEYS[1]["node_id"] + "\n")


def test_show_node_id_without_a_key(tmp_path: Path) -> None:
    """The error names the missing file and the command that writes it."""
    result = run("show-node-id", "--home", tmp_path)
    assert result.exit_code == 2
    assert str(tmp_path / "config" / "node_key.json") in result.stderr
    assert "gen-node-key" in result.stderr


def test_gen_node_key_writes_once(tmp_path: Path) -> None:
    """It prints the new key's ID; if there is a key, it says so, ends with 2 and changes nothing."""
    result = run("gen-node-key", "--home", tmp_path)
    key_file = tmp_path / "config" / "node_key.json"
    assert (result.exit_code, result.stdout) == (0, f"{load_node_key(key_file).node_id}\n")
    before = key_file.read_bytes()
    again = run("gen-node-key", "--home", tmp_path)
    assert again.exit_code == 2
    assert str(key_file) in again.stderr
    assert key_file.read_bytes() == before


def test_the_file_is_where_the_configuration_says(tmp_path: Path) -> None:
    """The setting node_key_file decides."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('node_key_file = "k.json"\n')
    assert run("gen-node-key", "--home", tmp_path).exit_code == 0
    assert load_node_key(tmp_path / "k.json")


def test_json_and_a_file_on_request(tmp_path: Path) -> None:
    """A program reads the ID by its name."""
    file = tmp_path / "id.json"
    assert run("gen-node-key", "--json", "--output", file, "--home", tmp_path).stdout == ""
    shown = run("show-node-id", "--json", "--home", tmp_path)
    assert json.loads(shown.stdout) == json.loads(file.read_text())
    assert json.loads(shown.stdout)["id"] == load_node_key(tmp_path / "config" / "node_key.json").node_id


def test_no_key_is_written_when_its_id_cannot_be(tmp_path: Path) -> None:
    """The file's directory is looked for first."""
    assert run("gen-node-key", "--output", tmp_path / "none" / "id", "--home", tmp_path).exit_code == 2
    assert not (tmp_path / "config" / "node_key.json").exists()


def test_the_address_at_which_others_dial_a_node_that_does_not_run(tmp_path: Path) -> None:
    """By its configuration, in one line that can go into a list of peers."""
    own = run("gen-node-key", "--home", tmp_path).stdout.strip()
    config = tmp_path / "config" / "config.toml"
    config.write_text('[p2p]\nexternal_address = "8.8.4.4:26656"\n')
    shown = run("show-node-id", "--address", "--home", tmp_path)
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, f"{own}@8.8.4.4:26656\n", "")
    as_json = run("show-node-id", "--address", "--json", "--home", tmp_path)
    assert json.loads(as_json.stdout) == {"id": own, "address": f"{own}@8.8.4.4:26656"}
    config.write_text('[p2p]\nladdr = "tcp://127.0.0.1:26656"\n')
    warned = run("show-node-id", "--address", "--home", tmp_path)
    assert warned.stdout == f"{own}@127.0.0.1:26656\n"
    assert "a loopback address that every strict address book refuses" in warned.stderr


def test_a_running_node_is_asked(tmp_path: Path) -> None:
    """What it has told its peers counts, not what the file says by now."""
    own = run("gen-node-key", "--home", tmp_path).stdout.strip()
    with HomeLock(Home(tmp_path), "a node") as lock:
        lock.tell(f"{own}@8.8.4.4:4242")
        assert run("show-node-id", "--address", "--home", tmp_path).stdout == f"{own}@8.8.4.4:4242\n"


def test_a_node_of_two_families_has_a_line_for_each(tmp_path: Path) -> None:
    """The first is the one for lists that have one; a running node says the same."""
    own = run("gen-node-key", "--home", tmp_path).stdout.strip()
    config = tmp_path / "config" / "config.toml"
    config.write_text(
        '[p2p]\nexternal_address = "8.8.4.4:26656"\n[peerage]\nexternal_address_also = "[2600::1]:26656"\n'
    )
    both = [f"{own}@8.8.4.4:26656", f"{own}@[2600::1]:26656"]
    assert run("show-node-id", "--address", "--home", tmp_path).stdout.splitlines() == both
    as_json = run("show-node-id", "--address", "--json", "--home", tmp_path)
    assert json.loads(as_json.stdout) == {"id": own, "address": both[0], "also": both[1:]}
    config.unlink()
    with HomeLock(Home(tmp_path), "a node") as lock:
        lock.tell(both[0], both[1:])
        assert run("show-node-id", "--address", "--home", tmp_path).stdout.splitlines() == both


@pytest.mark.parametrize("laddr", ["tcp://0.0.0.0:0", "tcp://name.invalid:26656"])
def test_an_address_that_nobody_knows_yet(tmp_path: Path, laddr: str) -> None:
    """Any free port, or a name that does not resolve: one line, exit code 1."""
    run("gen-node-key", "--home", tmp_path)
    (tmp_path / "config" / "config.toml").write_text(f'[p2p]\nladdr = "{laddr}"\n')
    result = run("show-node-id", "--address", "--home", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: p2p.laddr: ")
