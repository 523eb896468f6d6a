import json
from pathlib import Path

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
