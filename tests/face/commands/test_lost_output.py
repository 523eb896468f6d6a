"""Whoever reads a command's output may go away: it ends without a word."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from peerage.commands import lost_output
from peerage.commands.lost_output import is_full, is_lost
from tests.config.homes import home_with
from tests.face.command_line import run

# Each command in a copy of one process that has imported what all need, its output a pipe or a terminal that nobody reads.
# The copy goes on to its end as any program does: what its buffers hold is written then.
COPIES = """
import json, os, sys
import importlib
import click
from peerage.__main__ import main
from peerage.commands import cli
for name, lazy in cli.COMMANDS.items():
    cli.main.get_command(click.Context(cli.main), name)
    for module in lazy.needs:
        if "peerage.programs" not in module:
            importlib.import_module(module)
import peerage.commands.dry_run
ended = []
for line in json.loads(sys.argv[1]):
    for way in ("pipe", "terminal") if line[0] in ("--help", "config", "doctor", "start") else ("pipe",):
        pid = os.fork()
        if not pid:
            reader, writer = os.pipe() if way == "pipe" else os.openpty()
            os.close(reader)
            os.dup2(writer, 1)
            sys.argv[1:] = line
            main()
            sys.exit()
        ended.append([line, way, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])])
print(json.dumps(ended))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home_with(tmp_path, '[peerage]\nnetwork = "n"\n[p2p]\nladdr = "tcp://127.0.0.1:0"\n[rpc]\nladdr = ""\n')
    assert run("init", "--home", tmp_path).exit_code == 0
    assert run("bans", "add", "203.0.113.7", "--home", tmp_path).exit_code == 0
    return tmp_path


def test_every_command_that_prints_ends_quietly(home: Path) -> None:
    """`peerage … | head`, and a window that is closed: exit code 1, and nothing on standard error."""
    lines = [
        *(["--help"], ["--version"], ["version", "-v"], ["completion", "bash"], ["start", "--help"], ["crawl", "--help"]),
        *(
            [*command, "--home", str(home)]
            for command in (
                ["init"], ["show-node-id"], ["config", "check"], ["config", "show"], ["config", "get", "p2p.laddr"],
                ["config", "diff"], ["config", "migrate"], ["config", "set", "p2p.send_rate", "7"], ["addrbook", "list"],
                ["addrbook", "export", "-"], ["bans", "list"], ["bans", "scores", "--json"], ["systemd"], ["doctor"],
                ["start", "--dry-run"],
            )
        ),
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", COPIES, json.dumps(lines)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    ended = json.loads(done.stdout)
    # addrbook list says how many there are on standard error; that is read
    assert [line for line in done.stderr.splitlines() if not line.startswith(("0 addresses", "{"))] == []
    assert [each for each in ended if each[2] != 1] == []
    assert {tuple(line) for line, _, _ in ended} == {tuple(line) for line in lines}
    assert {way for _, way, _ in ended} == {"pipe", "terminal"}


def test_an_error_of_a_disk_is_another_thing() -> None:
    assert is_lost(OSError(errno.EPIPE, "broken"))
    assert not is_lost(OSError(errno.EIO, "input/output error"))  # our own output is there
    assert not is_lost(OSError(errno.EIO, "input/output error", "/srv/file"))
    assert not is_lost(OSError(errno.ENOSPC, "full"))


def test_a_pipe_of_a_file_that_was_named_is_told(tmp_path: Path) -> None:
    """It is not our standard output."""
    assert not is_lost(OSError(errno.EPIPE, "broken", str(tmp_path)))


def test_what_is_left_goes_nowhere() -> None:
    """The rest of a line in a buffer, too."""
    script = """
import os, sys
from peerage.commands.lost_output import STANDARD_OUTPUT, give_up_output
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
sys.stdout.write("in the buffer")
give_up_output(STANDARD_OUTPUT)
"""
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, env=environment, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_has_no_room_is_standard_output_if_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of other files the error has the name; a pipe is never full."""
    full = OSError(errno.ENOSPC, "no room")
    reader, writer = os.pipe()
    with (tmp_path / "out").open("w") as file, os.fdopen(reader), os.fdopen(writer, "w") as pipe:
        monkeypatch.setattr(lost_output, "STANDARD_OUTPUT", pipe.fileno())
        assert not is_full(full)
        monkeypatch.setattr(lost_output, "STANDARD_OUTPUT", file.fileno())
        assert is_full(full)
        assert not is_full(OSError(errno.ENOSPC, "no room", "/srv/file"))
        assert not is_full(OSError(errno.ECONNREFUSED, "refused"))


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["version"], ["peers", "--help"]])
def test_a_full_disk_is_told_in_one_line(words: list[str], unbuffered: str) -> None:
    """Whoever redirects the help of all commands gets no traceback either, nor does Python write what is left at its end."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "peerage", *words],
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
        )
    assert (done.returncode, done.stderr) == (
        1,
        "Error: standard output cannot be written: No space left on device\n",
    )
