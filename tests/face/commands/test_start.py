"""peerage start: what it prints, how it ends, and one clear line for each mistake."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.chaos.started_node import PROGRAM, SETTINGS, StartedNode, make_home, processes_of_session
from tests.face.command_line import run
from tests.nodes import wait_until

STOP_S = 5.0
MODULES = {
    "fine.py": """
from peerage import ChannelDescriptor, Reactor

class Fine(Reactor):
    channels = (ChannelDescriptor(id=0x50),)

class Thief(Reactor):
    channels = (ChannelDescriptor(id=0x00),)

class Clumsy(Reactor):
    def __init__(self):
        super().__init__()
        raise RuntimeError("clumsy me")
""",
    "broken.py": "x = (",
    "raising.py": "raise RuntimeError('not today')",
}

SILENT = """
import socket, threading
look_up = socket.getaddrinfo
def silent(host, *args, **options):
    if str(host).endswith(".example"):
        threading.Event().wait()
    return look_up(host, *args, **options)
socket.getaddrinfo = silent
"""


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("init") / "home"
    make_home(home)
    return home


@pytest.fixture
def home(made_home: Path, tmp_path: Path) -> Path:
    """A home as `peerage init` creates it."""
    return shutil.copytree(made_home, tmp_path / "home")


@pytest.fixture(scope="module")
def taken() -> Iterator[str]:
    """An address at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def arguments(home: Path, settings: Mapping[str, str]) -> list[str]:
    """Of `peerage start` with these settings, over SETTINGS without a reactor."""
    chosen = {key: value for key, value in SETTINGS.items() if key != "reactor"} | dict(settings)
    given = [part for key, value in chosen.items() for part in (f"--{key.replace('__', '.')}", value)]
    return ["start", "--home", str(home), *given]


def start(
    home: Path,
    *flags: str,
    cwd: Path | None = None,
    program: str = PROGRAM,
    **settings: str,
) -> subprocess.CompletedProcess[str]:
    """Run `peerage start` to its end. It must leave no process."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments(home, settings), *flags],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert processes_of_session(process.pid) == {}
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """The line of a start that ends before there is a node, as `the_line(start(…))`, in this process: it is quicker.

    What the command changes for good is undone.
    """
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = set(sys.modules)

    def run_here(home: Path, **settings: str) -> str:
        found = run(*arguments(home, {"private_memory": "false"} | settings))
        assert isinstance(found.exception, SystemExit)
        return the_line(subprocess.CompletedProcess((), found.exit_code, found.stdout, found.stderr))

    yield run_here
    for number, handler in signals.items():
        signal.signal(number, handler)
    for name in sys.modules.keys() - modules & {Path(name).stem for name in MODULES}:
        del sys.modules[name]


def the_line(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The only line on standard error; nothing was printed on standard output, and there is no traceback."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    return lines[0]


def test_a_node_does_not_start_where_it_could_not_keep_its_book(home: Path) -> None:
    """If the disk is full or read-only: one sentence with the file and the reason, exit code 2."""
    full = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
    line = the_line(start(home, program=full + PROGRAM))
    assert str(home / "data" / "addrbook.sqlite") in line
    assert "cannot be written" in line


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("RLIMIT_NOFILE", 64, ("file descriptors", "64 (RLIMIT_NOFILE)", "ulimit -n")),
        ("RLIMIT_AS", 200 << 20, ("256 MiB of addresses", "200 MiB (RLIMIT_AS)", "ulimit -v")),
    ],
)
def test_a_node_does_not_start_where_it_has_no_room(
    home: Path, limit: str, value: int, words: tuple[str, ...]
) -> None:
    """One sentence with the limit and what is needed, instead of parts that die one after the other; exit code 2."""
    limited = f"import resource; resource.setrlimit(resource.{limit}, ({value}, {value}))\n"
    line = the_line(start(home, program=limited + PROGRAM))
    assert [word for word in words if word not in line] == []


# --- running -----------------------------------------------------------------------------------------------------------


def test_prints_its_address_serves_rpc_and_stops_on_sigterm(home: Path) -> None:
    """One line, ID@address; exit code 0 within 5 s; a reactor from the current directory runs."""
    with StartedNode(home, moniker="mona") as node:
        assert "reactor-ECHO" in node.processes().values()
        info = wait_until(lambda: node.call("status"), what="an answer of RPC")["node_info"]
        assert (info["moniker"], info["network"]) == ("mona", "test")
        assert node.address == f"{info['id']}@{info['listen_addr'].removeprefix('tcp://')}"
        with socket.create_connection(("127.0.0.1", node.port)):
            pass
        code, seconds = node.stop()
    assert code == 0
    assert seconds < STOP_S
    assert node.processes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_its_processes_stops_it_cleanly(home: Path, number: signal.Signals) -> None:
    """Ctrl-C at a terminal, `systemctl stop`: every process gets it; none is restarted, the exit code is 0."""
    with StartedNode(home) as node:
        began = time.monotonic()
        os.killpg(node.pid, number)
        assert node.wait(STOP_S) == 0
        assert time.monotonic() - began < STOP_S
        assert node.processes() == {}
        assert "child restarted" not in node.log()
        assert "Traceback" not in node.log()


def test_a_service_manager_hears_when_it_listens_that_it_lives_and_when_it_ends(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As systemd's Type=notify and WatchdogSec= want it; the processes of the node do not inherit the watchdog."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30.0)
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        with StartedNode(home, reactor=None) as node:
            ready = manager.recv(4096).decode()
            assert manager.recv(4096) == b"WATCHDOG=1"
            assert node.stop()[0] == 0
        while "STOPPING=1" not in heard:
            heard.append(manager.recv(4096).decode())
    assert ready == f"READY=1\nSTATUS=listening, {node.address}"
    assert set(heard) <= {"WATCHDOG=1", "STOPPING=1"}


def test_node_that_fails_ends_with_1_and_the_reason(home: Path) -> None:
    """A child ends again and again, until the supervisor gives up."""
    with StartedNode(home, restart_intensity="0") as node:
        os.kill(node.pid_of("switch"), signal.SIGKILL)
        assert node.wait(10.0) == 1
        (told,) = [line for line in node.log().splitlines() if line.startswith("Error: ")]
        assert "switch" in told
        assert node.processes() == {}


def test_a_silent_name_server_holds_up_neither_the_start_nor_the_end(home: Path) -> None:
    """The node listens, says what it does not know, runs, and ends in its time although the lookups never do."""
    seeds = ",".join(f"{number:040x}@seed-{number}.example:26656" for number in range(1, 6))
    with StartedNode(
        home, program=SILENT + PROGRAM, p2p__seeds=seeds, p2p__external_address="me.example:26656"
    ) as node:
        (line,) = [line for line in node.log().splitlines() if "external address not resolved" in line]
        assert "me.example" in line
        code, seconds = node.stop()
        assert (code, node.processes()) == (0, {})
        assert seconds < STOP_S


def test_a_name_to_listen_on_is_not_waited_for_beyond_its_time(home: Path) -> None:
    """The error names the setting, the address and the cause; exit code 2."""
    line = the_line(start(home, program=SILENT + PROGRAM, p2p__laddr="tcp://me.example:0"))
    for words in ("p2p.laddr", "'tcp://me.example:0'", "no answer of a name server within 5 s"):
        assert words in line


def test_a_signal_is_heard_while_a_name_to_listen_on_is_looked_up(home: Path) -> None:
    """The node has not started, and never will: a clean stop."""
    told = SILENT.replace("threading.Event().wait()", "print('asked', flush=True); threading.Event().wait()")
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            told + PROGRAM,
            "start",
            "--home",
            str(home),
            "--rpc.laddr",
            "tcp://rpc.example:0",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "asked\n"
        process.terminate()
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, ""), err
    assert "no answer" not in err
    assert processes_of_session(process.pid) == {}


def test_metrics_are_served(home: Path) -> None:
    """With --instrumentation.prometheus."""
    with StartedNode(
        home, instrumentation__prometheus="true", instrumentation__prometheus_listen_addr="127.0.0.1:0"
    ) as node:
        url = node.http_address("metrics")
        with urllib.request.urlopen(f"{url}/metrics", timeout=5.0) as answer:
            assert b"p2p_peers" in answer.read()


# --- mistakes ----------------------------------------------------------------------------------------------------------


def _no_home(home: Path) -> None:
    (home / "config" / "config.toml").unlink()


def _broken_toml(home: Path) -> None:
    with (home / "config" / "config.toml").open("a") as file:
        file.write("\nfoo = [")


def _wrong_value(home: Path) -> None:
    file = home / "config" / "config.toml"
    file.write_text(file.read_text().replace('handshake_timeout = "20s"', 'handshake_timeout = "soon"'))


def _open_key(home: Path) -> None:
    (home / "config" / "node_key.json").chmod(0o644)


def _empty_key(home: Path) -> None:
    (home / "config" / "node_key.json").write_text("{}")


def _data_is_a_file(home: Path) -> None:
    (home / "data").rmdir()
    (home / "data").touch()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_broken_toml, ("config.toml", "Invalid value", "allowed: TOML")),
        (_wrong_value, ("p2p.handshake_timeout", '"soon"', "allowed:")),
        (_open_key, ("node_key.json", "0644", "expected 0600")),
        (_empty_key, ("node_key.json", "not a node key", "expected")),
    ],
)
def test_spoiled_file(
    home: Path, refuse: Callable[..., str], spoil: Callable[[Path], None], told: tuple[str, ...]
) -> None:
    """The file, what was found in it, what is expected; exit code 2."""
    spoil(home)
    line = refuse(home)
    assert all(part in line for part in told), line


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_no_home, ("config.toml", "no such file", "peerage init")),
        (_data_is_a_file, ("/data", "it is no directory")),
    ],
)
def test_spoiled_home(home: Path, spoil: Callable[[Path], None], told: tuple[str, ...]) -> None:
    """Likewise; no process is left."""
    spoil(home)
    line = the_line(start(home))
    assert all(part in line for part in told), line


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"p2p__seeds": "foo"}, ("p2p.seeds", '"foo"', "ID@host:port")),
        ({"reactor": "json:Thing"}, ("json:Thing", "'Thing' is not there")),
        ({"reactor": "json:loads"}, ("json:loads", "no class derived from peerage.Reactor")),
        ({"reactor": "json"}, ("'json': no installed package has a reactor", "package.module:Class")),
        ({"reactor": ":json"}, ("peerage.reactors", '":json"', "package.module:Class")),
        ({"reactor": "raising:Fine"}, ("raising:Fine", "RuntimeError: not today")),
        ({"reactor": "fine:Thief"}, ("peerage.reactors", "channel 0x00", "'PEX'")),
        ({"reactor": "PEX=fine:Fine"}, ("peerage.reactors", "'PEX'")),
        ({"log_level": "loud"}, ("log_level", '"loud"', "allowed:")),
    ],
)
def test_impossible_settings(
    home: Path,
    tmp_path: Path,
    refuse: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    told: tuple[str, ...],
) -> None:
    """The key, its value, what is expected; exit code 2."""
    for name, source in MODULES.items():
        (tmp_path / name).write_text(source)
    monkeypatch.chdir(tmp_path)
    line = refuse(home, **settings)
    assert all(part in line for part in told), line


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"p2p__laddr": "tcp://no.such.invalid:0"}, ("p2p.laddr", "no.such.invalid", "expected")),
        ({"p2p__laddr": "tcp://203.0.113.1:0"}, ("p2p.laddr", "203.0.113.1", "expected")),
        ({"reactor": "no.such:Thing"}, ("no.such:Thing", "No module named", "expected")),
        ({"reactor": "broken:Fine"}, ("broken:Fine", "SyntaxError")),
    ],
)
def test_settings_that_turn_out_to_be_impossible(
    home: Path, tmp_path: Path, settings: dict[str, str], told: tuple[str, ...]
) -> None:
    """Likewise; no process is left."""
    (tmp_path / "broken.py").write_text(MODULES["broken.py"])
    line = the_line(start(home, cwd=tmp_path, **settings))
    assert all(part in line for part in told), line


@pytest.mark.parametrize(
    ("key", "address"),
    [
        ("p2p.seeds", f"{'0' * 40}@no.such.invalid:1"),
        ("p2p.external_address", "no.such.invalid:1"),
    ],
)
def test_a_name_without_an_address_is_a_failure(home: Path, key: str, address: str) -> None:
    """A service manager starts the node again (exit code 1): the name server of a machine that boots may come up later."""
    line = the_line(start(home, f"--{key}", address), 1)
    assert all(part in line for part in (key, "no.such.invalid")), line


@pytest.mark.parametrize(
    ("key", "others"),
    [
        ("p2p.laddr", {}),
        ("rpc.laddr", {}),
        ("instrumentation.prometheus_listen_addr", {"instrumentation.prometheus": "true"}),
    ],
)
def test_port_in_use(home: Path, taken: str, key: str, others: dict[str, str]) -> None:
    """The key, the address, and that a free one is expected; exit code 2."""
    laddr = taken if "prometheus" in key else f"tcp://{taken}"
    flags = [part for name, value in {key: laddr, **others}.items() for part in (f"--{name}", value)]
    line = the_line(start(home, *flags))
    assert all(part in line for part in (key, taken, "Address already in use", "expected")), line


def test_home_in_use(home: Path) -> None:
    """Which process runs there, and where; exit code 2. A killed node leaves nothing that keeps the next one out."""
    with StartedNode(home) as node:
        line = the_line(start(home))
        assert f"{home}: in use by a node (process {node.pid}, {node.address})" in line
        assert wait_until(lambda: node.call("health") is not None)
        node.kill()
    with StartedNode(home) as node:
        assert node.stop()[0] == 0


def test_unknown_flag(home: Path) -> None:
    """The error names it and what it may have meant; exit code 2."""
    done = start(home, "--p2p.seed", "x")
    assert done.returncode == 2
    assert "--p2p.seed" in done.stderr
    assert "--p2p.seeds" in done.stderr


def test_reactor_that_does_not_start_is_a_failure(home: Path, tmp_path: Path) -> None:
    """One line gives its exception, besides the log; exit code 1; nothing is left running."""
    (tmp_path / "fine.py").write_text(MODULES["fine.py"])
    done = start(home, cwd=tmp_path, reactor="fine:Clumsy", log_level="none")
    assert "reactor-CLUMSY" in the_line(done, 1)
    assert "RuntimeError: clumsy me" in done.stderr
