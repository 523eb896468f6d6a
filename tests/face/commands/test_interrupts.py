"""Ctrl-C at any moment of a command ends it without a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.commands import interrupts
from tests.chaos.started_node import PROGRAM, make_home
from tests.nodes import wait_until

COMMAND = str(Path(sys.executable).with_name("peerage"))

# At every so manieth import of the command, a copy of it is made that is interrupted there; all must end the same way.
SWEEP = """
import json, os, signal, sys
from peerage.__main__ import main
copied, bad, moments, every = False, [], 0, int(sys.argv.pop(1))
def at_import(event, arguments):
    global copied, moments
    if event != "import" or copied:
        return
    moments += 1
    if moments % every:
        return
    pid = os.fork()
    if pid == 0:
        copied = True
        os.kill(os.getpid(), signal.SIGINT)
        return
    status = os.waitpid(pid, 0)[1]
    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT) and os.waitstatus_to_exitcode(status) != 130:
        bad.append((arguments[0], os.waitstatus_to_exitcode(status)))
sys.addaudithook(at_import)
try:
    main()
except SystemExit as error:
    if copied:
        raise
    copied = True
    print(json.dumps([moments, bad, error.code]))
"""


@pytest.mark.parametrize(
    ("arguments", "every", "code"),
    [
        ("start --home nowhere", 11, 2),
        ("crawl --seeds nonsense", 17, 2),
        ("doctor --home nowhere", 23, 1),
        ("config get p2p.laddr --home nowhere", 13, 0),
        ("version", 2, 0),
        ("--help", 3, 0),
    ],
)
def test_whatever_is_being_imported(arguments: str, every: int, code: int, tmp_path: Path) -> None:
    """It ends by the signal, or with 130 once the command itself runs, and prints nothing else."""
    argv = (sys.executable, "-c", SWEEP, str(every), *arguments.split())
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    moments, bad, ended = json.loads(done.stdout.splitlines()[-1])
    assert (bad, ended) == ([], code)
    assert moments > 12 * every
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def catches_interrupts(process: subprocess.Popen[str]) -> bool:
    """Whether a handler is installed, as Python's is until a command removes it."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGINT - 1) & 1)


def has_caller(listener: socket.socket) -> bool:
    """Whether somebody has connected and is not accepted yet."""
    return bool(select.select([listener], [], [], 0)[0])


def test_the_command_as_it_is_installed() -> None:
    """Its whole process group gets the signal, as from a terminal.

    Ours is there while the command imports: a moment in which nobody may have looked. Then it waits for an answer already.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"{'00' * 20}@127.0.0.1:{listener.getsockname()[1]}"
        with running(COMMAND, "ping", "--timeout", "50s", address) as process:
            wait_until(lambda: catches_interrupts(process), what="Python's handler")
            wait_until(lambda: not catches_interrupts(process) or has_caller(listener), what="ours")
            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate()
            assert (process.returncode, said) in [(-signal.SIGINT, ("", "")), (130, ("", "Aborted!\n"))]


FIRST_IMPORT = """
import os, signal, sys
script = compile(open(sys.argv[1]).read(), sys.argv[1], "exec")
sys.addaudithook(lambda event, _: event == "import" and os.kill(os.getpid(), signal.SIGINT))
exec(script, {"__name__": "__main__"})
"""


def test_the_installed_command_sees_to_it_before_its_first_import() -> None:
    """Scripts that pip 23 makes of entry points import `re` before anything of ours: Ctrl-C there printed a traceback."""
    done = subprocess.run((sys.executable, "-c", FIRST_IMPORT, COMMAND), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, b"", b"")


def test_a_command_that_runs_ends_with_130() -> None:
    """While it waits for a node that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"{'00' * 20}@127.0.0.1:{listener.getsockname()[1]}"
        with running(sys.executable, "-c", PROGRAM, "ping", "--timeout", "50s", address) as process:
            connection, _ = listener.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                assert process.communicate() == ("", "Aborted!\n")
                assert process.returncode == 130


def test_a_node_that_runs_stops_cleanly(tmp_path: Path) -> None:
    """That is not a failure: exit code 0."""
    make_home(tmp_path)
    with running(
        COMMAND, "start", "--home", str(tmp_path), "--p2p.laddr", "tcp://127.0.0.1:0", "--rpc.laddr", ""
    ) as node:
        assert node.stdout is not None
        assert "@127.0.0.1:" in node.stdout.readline()
        os.killpg(node.pid, signal.SIGINT)
        _, log = node.communicate()
        assert (node.returncode, "Traceback" in log) == (0, False)


def test_who_ignores_interrupts_goes_on_doing_so() -> None:
    """As in a script's background command, or under nohup."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts.end_by_interrupts()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        interrupts.tell_of_interrupts()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_embedder_keeps_its_handler() -> None:
    """Only the command changes it, and restores it."""
    before = signal.getsignal(signal.SIGINT)
    interrupts.tell_of_interrupts()
    assert signal.getsignal(signal.SIGINT) is before
    interrupts.end_by_interrupts()
    interrupts.tell_of_interrupts()
    assert signal.getsignal(signal.SIGINT) is before
