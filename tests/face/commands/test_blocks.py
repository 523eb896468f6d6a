"""peerage blocks: its options, and what is said of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.face.blocks.recorded import VERSIONS, recorded
from tests.face.command_line import run

PEER = f"{'0' * 39}2@127.0.0.1:1"
HASH = "AB" * 32


@pytest.fixture
def genesis(tmp_path: Path) -> Path:
    file = tmp_path / "genesis.json"
    file.write_text(json.dumps(recorded(VERSIONS[0]).genesis))
    return file


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--peers or --seeds: none given"),
        (["--peers", "nobody"], "--peers: "),
        (["--seeds", f"{PEER},x"], "--seeds: "),
        (["--peers", PEER, "--network", "other"], '--network: found "other"'),
        (["--peers", PEER, "--trusted", "5"], "--trusted: found '5', expected a height and the hash"),
        (["--peers", PEER, "--trusted", f"5:{HASH}"], "--trusted: needs --rpc URL"),
        (["--peers", PEER, "--trusted", f"5:{HASH}", "--rpc", "ftp://x"], "--rpc: found 'ftp://x'"),
        (["--peers", PEER, "--from", "9", "--to", "8"], "--to 8: expected at least 9"),
        (
            ["--peers", PEER, "--trusted", f"5:{HASH}", "--rpc", "http://x", "--from", "4"],
            "--from 4: the first block that can be checked is 5",
        ),
    ],
)
def test_wrong_options_are_named_with_what_is_expected(
    genesis: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    """In one line, before anything is started; exit code 2."""
    result = run("blocks", "--genesis", genesis, "--output", tmp_path / "b.jsonl", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert not (tmp_path / "b.jsonl").exists()


def test_an_output_that_cannot_be_is_said_before(genesis: Path, tmp_path: Path) -> None:
    """A folder that is not there, and a file of something else, which is left as it is."""
    common = ("blocks", "--genesis", genesis, "--peers", PEER)
    result = run(*common, "--output", tmp_path / "no" / "b.jsonl")
    assert (result.exit_code, "is no directory" in result.stderr) == (2, True)
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    result = run(*common, "--output", notes)
    assert (result.exit_code, "no block in it" in result.stderr, notes.read_text()) == (2, True, "mine")


def test_where_to_begin_must_be_said(tmp_path: Path) -> None:
    """By a genesis or a trusted hash: else any peer could invent a chain."""
    result = run("blocks", "--network", "x", "--peers", PEER, "--output", tmp_path / "b.jsonl")
    assert (result.exit_code, "--genesis or --trusted: none given" in result.stderr) == (2, True)
