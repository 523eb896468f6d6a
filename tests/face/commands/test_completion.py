"""The shell's completion: what it offers, and that it costs next to nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from peerage.commands.cli import COMMANDS
from peerage.commands.completion import SHELLS, VARIABLE
from tests.face.command_line import run

PEERAGE = str(Path(sys.executable).with_name("peerage"))
# What a completion needs none of. Each costs as much as all that it needs.
SLOW = {
    "structlog",
    "rich.console",
    "asyncio",
    "cryptography",
    "zmq",
    "sqlite3",
    "google.protobuf",
    "msgspec",
    "pykka",
    "h11",
}
SLOW |= {"tomlkit", "starlette", "uvicorn", "prometheus_client", "psutil"}


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    environment = {
        VARIABLE: "bash_complete",
        "COMP_WORDS": " ".join(["peerage", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [PEERAGE], env=os.environ | environment, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_commands_options_and_settings_are_known() -> None:
    assert completed("co") == ["config", "conform", "completion"]
    assert completed("config", "m") == ["migrate"]
    assert completed("start", "--p2p.se") == ["--p2p.seeds", "--p2p.send_rate", "--p2p.seed_mode"]
    assert completed("config", "set", "instrumentation.p") == [
        "instrumentation.prometheus",
        "instrumentation.prometheus_listen_addr",
    ]


def test_no_command_needs_anything_slow_for_its_completion() -> None:
    """The shell waits for it: 0.2 s of processor time are the aim, the interpreter's start included."""
    code = f"""
import click, importlib, json, sys
from peerage.commands.cli import main
from click.shell_completion import ShellComplete
class Shell(ShellComplete):
    name, source_template = "x", ""
found = {{}}
for name in {list(COMMANDS)!r}:
    shell = Shell(main, {{}}, "peerage", "X")
    items = shell.get_completions([name], "--")
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Group) or items, name
    for sub in getattr(command, "commands", ()):
        assert shell.get_completions([name, sub], "--"), (name, sub)
    found[name] = sorted(set({sorted(SLOW)!r}) & set(sys.modules))
print(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == {name: [] for name in COMMANDS}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_takes_its_script(shell: str, tmp_path: Path) -> None:
    """Where it is installed it reads it; the file is the same as what is printed."""
    file = tmp_path / "script"
    assert run("completion", shell, "--output", file).exit_code == 0
    assert run("completion", shell).stdout == file.read_text()
    assert VARIABLE in file.read_text()
    if shutil.which(shell):
        subprocess.run([shell, "-n", str(file)], check=True, timeout=30)


def test_bash_completes_with_it() -> None:
    """The function that the script defines, called as bash does."""
    script = f"""
eval "$({PEERAGE} completion bash)"
COMP_WORDS=({PEERAGE} config di) COMP_CWORD=2
_peerage_completion {PEERAGE}
echo "${{COMPREPLY[*]}}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == ("diff\n", "")
