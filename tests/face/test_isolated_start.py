"""Nothing runs that merely lies in the current directory, in no process of any command; what a user brings is found."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

import pytest

from peerage import Reactor
from peerage.commands.cli import COMMANDS
from peerage.commands.node_run import load_reactors
from tests.chaos.started_node import make_home

COMMAND = str(Path(sys.executable).with_name("peerage"))
NOBODY = f"{'00' * 19}01@127.0.0.1:1"
# not installed, but asked for by what is
OPTIONAL = {
    "IPython",
    "colorama",
    "dotenv",
    "gevent",
    "httptools",
    "ipywidgets",
    "numpy",
    "uvloop",
    "watchfiles",
    "wsproto",
}
TRAP = """
import os, sys
with open(os.environ["TRAP_SEEN"], "a") as seen:
    print({name!r}, sys.orig_argv[:6], file=seen)
"""
LISTENS = re.compile(r"(\w+ )?[0-9a-f]{40}@127\.0\.0\.1:")
LOCAL = ("--p2p.laddr", "tcp://127.0.0.1:0", "--rpc.laddr", "tcp://127.0.0.1:0")

# each command of the command line: what to run, and how it ends
RUNS: dict[str, tuple[tuple[str, ...], int]] = {
    "init": (("init", "--home", "NEW", "--network", "test"), 0),
    "start": (
        ("start", "--home", "HOME", *LOCAL, "--instrumentation.prometheus_listen_addr", "127.0.0.1:0"),
        0,
    ),
    "seed": (("seed", "--home", "NEW", "--chain", "a=", *LOCAL), 0),
    "show-node-id": (("show-node-id", "--home", "HOME"), 0),
    "gen-node-key": (("gen-node-key", "--home", "NEW/key"), 0),
    "config": (("config", "check", "--home", "HOME"), 0),
    "addrbook": (("addrbook", "list", "--home", "HOME"), 0),
    "bans": (("bans", "add", "--home", "HOME", "203.0.113.9"), 0),
    "peers": (("peers", "history", "--home", "HOME"), 0),
    "events": (("events", "--home", "HOME"), 1),
    "status": (("status", "--home", "HOME"), 1),  # no node runs there
    "top": (("top", "--once", "--home", "HOME"), 1),
    "log-level": (("log-level", "--home", "HOME"), 1),
    "reload": (("reload", "--home", "HOME"), 1),
    "doctor": (("doctor", "--home", "NEW"), 1),  # there is none
    "stack": (("stack", "--home", "HOME"), 1),  # no node runs there
    "debug": (("debug", "dump", "--home", "HOME", "--output", "NEW.tar"), 0),
    "ping": (("ping", NOBODY), 1),
    "conform": (("conform", NOBODY), 2),  # nobody is there
    "crawl": (("crawl", "--home", "HOME", "--seeds", NOBODY), 1),
    "demo": (("demo", "--for", "1s"), 0),
    "simulate": (("simulate", "--nodes", "10", "--for", "36s"), 0),
    "bench": (("bench", "--for", "100ms", "--only", "mailboxes"), 0),
    "watch": (("watch", "--home", "NEW", "--network", "test", "--peers", NOBODY, "--for", "1s"), 0),
    "blocks": (("blocks", "--home", "NEW", "--peers", NOBODY, "--output", "NEW.jsonl"), 2),  # no genesis
    "new-reactor": (("new-reactor", "json"), 2),  # it would be written into the current directory
    "systemd": (("systemd",), 0),
    "completion": (("completion", "bash"), 0),
    "version": (("version", "--verbose"), 0),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    return home


@pytest.fixture(scope="module")
def traps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a module of every name that Python or our code may import; each reports that it was read."""
    place = tmp_path_factory.mktemp("traps")
    names = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions(), *OPTIONAL}
    for name in filter(str.isidentifier, names):
        (place / f"{name}.py").write_text(TRAP.format(name=name))
    return place


class Done(NamedTuple):
    """How a program ended. `read` is which traps were read, and by whom."""

    code: int
    output: str
    read: list[str]


def run(argv: Sequence[str], cwd: Path, scratch: Path, **variables: str) -> Done:
    """Run to the end; a node is stopped once it has printed its address."""
    scratch.mkdir(exist_ok=True)
    seen = scratch / "seen"
    seen.write_text("")
    output = ""
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=os.environ | {"TRAP_SEEN": str(seen)} | variables,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                output += line
                if {"start", "seed"} & set(argv) and LISTENS.match(line):
                    process.send_signal(signal.SIGTERM)
        finally:
            process.kill()
    return Done(process.returncode, output, seen.read_text().splitlines())


def arguments_of(command: str, home: Path, scratch: Path) -> list[str]:
    return [argument.replace("HOME", str(home)).replace("NEW", str(scratch)) for argument in RUNS[command][0]]


def test_every_command_is_run_below() -> None:
    """So that a new command is tested, too."""
    assert set(RUNS) == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_reads_a_module_of_the_current_directory(
    command: str, home: Path, traps: Path, tmp_path: Path
) -> None:
    """A file named like a standard module, put there by another user, would run as whoever starts the node.

    Each test runs its own command and waits for no other: its time limit is of that one.
    """
    own_home = shutil.copytree(home, tmp_path / "home")  # one home, one writer
    scratch = tmp_path / "scratch"
    done = run((COMMAND, *arguments_of(command, own_home, scratch)), traps, scratch)
    assert done.read == []
    assert done.code == RUNS[command][1], done.output


def disarm_what_python_reads(traps: Path, scratch: Path) -> None:
    """Remove the traps that Python's own -m reads, before anything of the module that it runs: they are not ours to avoid.

    Which they are depends on what the .pth files of an environment import before: those of an editable install a lot.
    """
    while read := run((sys.executable, "-m", "__hello__"), traps, scratch).read:
        for line in read:
            (traps / f"{line.split()[0]}.py").unlink(missing_ok=True)


def test_nor_does_python_m_peerage(home: Path, traps: Path, tmp_path: Path) -> None:
    """Python puts the current directory on the path for -m; the package itself would run from there, but nothing else."""
    (traps / "peerage.py").unlink(missing_ok=True)
    disarm_what_python_reads(traps, tmp_path)
    assert len(list(traps.iterdir())) > 200
    done = run((sys.executable, "-m", "peerage", *arguments_of("start", home, tmp_path)), traps, tmp_path)
    assert done.read == []
    assert done.code == 0, done.output


def test_a_reactor_of_the_current_directory_is_found_behind_everything_else(
    home: Path, tmp_path: Path
) -> None:
    """It may have modules beside it; a name of a standard or installed module still means that module."""
    names = {*sys.stdlib_module_names, *importlib.metadata.packages_distributions()}
    for name in filter(
        PathFinder.find_spec, names
    ):  # one of another platform is looked for here, too, and would be found
        (tmp_path / f"{name}.py").write_text(TRAP.format(name=name))
    (tmp_path / "mine.py").write_text(
        "import json, beside_mine\nfrom peerage import Reactor\nclass Mine(Reactor):\n    channels = ()\n"
    )
    (tmp_path / "beside_mine.py").write_text("")
    argv = (COMMAND, *arguments_of("start", home, tmp_path), "--reactor", "mine:Mine")
    done = run(argv, tmp_path, tmp_path)
    assert done.read == []
    assert "reactors PEX MINE" in done.output
    assert done.code == 0, done.output


def test_an_installed_reactor_brings_nothing_of_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory is only searched for a module that is nowhere else."""
    monkeypatch.chdir(tmp_path)
    before = [entry for entry in sys.path if entry not in {"", str(tmp_path)}]
    monkeypatch.setattr(sys, "path", list(before))
    assert load_reactors(("PLAIN=peerage.actors.reactors.reactor:Reactor",)) == {"PLAIN": Reactor}
    assert sys.path == before
    (tmp_path / "found_here_alone.py").write_text("from peerage import Reactor\n")
    assert load_reactors(("found_here_alone:Reactor",)) == {"REACTOR": Reactor}
    assert sys.path == [*before, str(tmp_path)]


APP = """
import pathlib, sys
from peerage.actors.runtime import System
from beside import Worker
sys.path.insert(0, pathlib.Path("x"))  # Python passes that over
if __name__ == "__main__":
    System(preload=("beside",))
    print("answer", Worker.start().ask(20, timeout=30))
"""
BESIDE = """
from peerage.actors.runtime import ProcessActor
class Worker(ProcessActor):
    def on_receive(self, message):
        return message * 2 + 1
"""


@pytest.mark.parametrize("way", ["script", "-m", "PYTHONPATH"])
def test_actors_of_a_program_are_found_where_it_finds_them(way: str, traps: Path, tmp_path: Path) -> None:
    """Beside the script, in the current directory with -m, where the environment says: hosts import from there, too.

    Of the current directory nothing is read, unless it is that.
    """
    app, beside = tmp_path / "app", tmp_path / ("elsewhere" if way == "PYTHONPATH" else "app")
    for place, name, text in ((app, "app", APP), (beside, "beside", BESIDE)):
        place.mkdir(exist_ok=True)
        (place / f"{name}.py").write_text(text)
    argv = ("-m", "app") if way == "-m" else (str(app / "app.py"),)
    variables = {"PYTHONPATH": str(beside)} if way == "PYTHONPATH" else {}
    done = run((sys.executable, *argv), app if way == "-m" else traps, tmp_path, **variables)
    assert done == Done(0, "answer 41\n", [])
