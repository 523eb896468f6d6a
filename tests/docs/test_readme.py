"""README.md: every block does what the page says, every command is there."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from peerage.commands.cli import COMMANDS, main
from tests.chaos.started_node import StartedNode, make_home, processes_of_session
from tests.docs.pages import CHECKOUT, blocks_of, claim, reader, run, run_program
from tests.interop.conftest import StartGoPeer, go_peer, go_version, pytest_runtestloop
from tests.nodes import wait_until

LINK = re.compile(r"\]\(([^)]+)\)")
__all__ = ["go_peer", "go_version", "pytest_runtestloop"]

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
TRY_IT = claim("README.md", "peerage demo")
ECHO = claim("README.md", "class Echo(Reactor)")
RUN_A_NODE = claim("README.md", "peerage init")
COUNTER = claim("README.md", "class Counter(ProcessActor)")
RUN_ALL_TESTS = claim("README.md", "pytest")

# Ports that no other node on this machine has; a reader's node takes CometBFT's.
FREE_PORTS = {"PEERAGE_P2P_LADDR": "tcp://127.0.0.1:0", "PEERAGE_RPC_LADDR": ""}
ON_LOOPBACK = {"PEERAGE_P2P_ADDR_BOOK_STRICT": "false", "PEERAGE_P2P_ALLOW_DUPLICATE_IP": "true"}
NOT_OF_A_CLONE = (".*", "build", "*.egg-info", "*.so", "__pycache__")


def help_of(*command: str) -> str:
    """What --help prints."""
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.slow
@pytest.mark.timeout(300)  # downloads all that is needed
def test_the_first_commands_install_in_a_fresh_environment_and_show_a_network(tmp_path: Path) -> None:
    """In a clone, with the index that pip is set up for; the demo's 20 s are cut to 3."""
    clone = tmp_path / "peerage"
    shutil.copytree(CHECKOUT, clone, ignore=shutil.ignore_patterns(*NOT_OF_A_CLONE))
    commands = TRY_IT.text.replace("peerage demo", "peerage demo --for 3s")
    printed = run(clone, commands, 280.0, {"HOME": str(Path.home()), "PYTHONPYCACHEPREFIX": ""})
    assert "every node found every other one" in printed


def test_the_test_command_is_the_one_that_all_checks_run() -> None:
    """`.ci/run` calls it in a fresh environment."""
    checks = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
    (install, test) = RUN_ALL_TESTS.text.strip().split(" && ")
    arguments = re.escape(install.removeprefix("pip install "))
    assert re.search(rf"^pip install .*{arguments}\n{test}$", checks, re.MULTILINE)


def test_echo_example_runs_and_two_of_it_do_not_answer_each_other_for_ever(
    tmp_path: Path, go_peer: StartGoPeer
) -> None:
    """It prints its address; a CometBFT peer gets back what it sends; an echo gets no echo; Ctrl-C ends it in full."""
    assert '"/tmp/echo"' in ECHO.text
    (tmp_path / "echo.py").write_text(
        ECHO.text.replace('"/tmp/echo"', '"home"').replace("p2p={", 'rpc={"laddr": ""}, p2p={')
    )
    process = subprocess.Popen(
        ["python", "echo.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **reader(tmp_path)
    )
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        address = next(line for line in lines if re.match(r"[0-9a-f]{40}@127\.0\.0\.1:\d+$", line)).strip()
        peer = go_peer(channels=[{"id": 0x50, "priority": 5}], report_messages=True)
        node_id = peer.dial(address)
        peer.send(node_id, 0x50, b"hello")
        assert peer.wait_for("message").data == b"echo: hello"
        peer.send(node_id, 0x50, b"echo: hello")
        peer.send(node_id, 0x50, b"is there more?")
        assert peer.wait_for("message").data == b"echo: is there more?"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert "KeyboardInterrupt" in err.splitlines(), err
    finally:
        process.kill()
        process.communicate()
    assert processes_of_session(process.pid) == {}


def test_a_node_of_the_readme_starts_and_finds_its_seed(tmp_path: Path) -> None:
    """`init` and `start` as they stand there, with a seed that exists; Ctrl-C is a clean stop."""
    make_home(tmp_path / "seed")
    reader_folder = tmp_path / "reader"
    reader_folder.mkdir()
    with StartedNode(tmp_path / "seed", network="my-chain") as seed:
        commands = RUN_A_NODE.text.replace("ID@seed.example.org:26656", seed.address)
        init, start = commands.strip().splitlines()
        run(reader_folder, init)
        said = tmp_path / "said"
        with said.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {start}"],
                stdout=output,
                stderr=subprocess.STDOUT,
                **reader(reader_folder, FREE_PORTS | ON_LOOPBACK),
            )
        try:

            def is_listening() -> bool:
                text = said.read_text()
                assert process.poll() is None, text
                return re.search(r"^[0-9a-f]{40}@\S+$", text, re.MULTILINE) is not None

            wait_until(is_listening, 40.0, what="the address of the node")
            wait_until(seed.peers, what="the node at its seed")
            process.send_signal(signal.SIGINT)
            process.wait(timeout=10)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, said.read_text()


def test_counter_example_prints_what_its_comment_says(tmp_path: Path) -> None:
    """The runtime alone."""
    assert run_program(tmp_path, "counter.py", COUNTER) == "3\n"
    assert re.search(r"print\(counter\.ask\(2\)\)  # 3$", COUNTER.text, re.MULTILINE)


def test_every_command_is_in_the_readme() -> None:
    """Nothing that --help lists is left out."""
    listed = re.findall(r"^  ([a-z-]+) ", help_of().partition("Commands:\n")[2], re.MULTILINE)
    assert listed == list(COMMANDS)
    missing = [
        name for name in listed if not re.search(rf"^\|.*`(peerage )?{name}\b.*\|$", README, re.MULTILINE)
    ]
    assert missing == []
    for subcommand in ("check", "show", "get", "set", "diff", "migrate"):
        assert re.search(rf"^\| `peerage config.*\b{subcommand}`", README, re.MULTILINE)


PAGES = ["README.md", *(str(path.relative_to(CHECKOUT)) for path in sorted(CHECKOUT.glob("docs/**/*.md")))]
WRITTEN = {
    " ".join(command): command
    for page in PAGES
    for block in blocks_of(page)
    if block.language == "sh"
    for command in block.commands
    if command[0] == "peerage"
}


@pytest.mark.parametrize("command", WRITTEN.values(), ids=list(WRITTEN))
def test_commands_that_a_page_shows_exist(command: list[str]) -> None:
    """With all of their flags."""
    # without what is put in for $(…); and `peers` takes --history for its command
    command = re.sub(r"\$\([^)]*\)", "", " ".join(command)).replace(" --history", " history").split()
    words = [word for word in command[1:3] if re.fullmatch(r"[a-z-]+", word)]
    words = words if words[0] in {"addrbook", "bans", "config", "debug", "peers"} else words[:1]
    text = help_of(*words)
    assert [flag for flag in command if flag.startswith("--") and flag not in text] == []


def test_the_list_of_pages_has_each_once() -> None:
    """No line stands there twice in another version."""
    text = (CHECKOUT / "README.md").read_text("utf-8")
    lines = [line for line in text[text.index("- [Tutorial]") :].splitlines() if line.startswith("- ")]
    links = [link for line in lines for link in LINK.findall(line)]
    assert sorted(link for link in set(links) if links.count(link) > 1) == []
    assert len({line[:15] for line in lines}) == len(lines)
