"""A node in a program that is no file, is asked line by line, or is a notebook; and a signal to an asyncio program."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.embedding.program import NODE, ended, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

UNGUARDED = f"""
{NODE}
print("top level")
with make() as node:
    print("peers", node.peers())
"""
ASYNCIO = f"""
import asyncio
{NODE}
async def main():
    async with make() as node:
        print("runs", node.is_running, flush=True)
        await node.wait_async()
asyncio.run(main())
"""
CELLS = (
    NODE,
    "from peerage import Relay\nclass Chat(Relay):\n    channels = [ChannelDescriptor(id=0x51)]",
    "node = Node(make().config, {'CHAT': Chat}).start()",
    "print(await node.peers_async(), node.messages(0x51))",
    "try:\n    node.run()\nexcept RuntimeError as error:\n    print(error)",
    "node.stop(); print(node.is_running)",
    "async with make() as other:\n    print(other.is_running)",
)


@pytest.mark.parametrize("way", ["-", "-c", "-i"])
def test_a_program_without_a_file_or_a_guard_holds_a_node(tmp_path: Path, way: str) -> None:
    """Its top level runs once."""
    last = "[ChannelDescriptor(id=0x50)])\n"  # of a function: an empty line ends it where lines are read one by one
    lines = UNGUARDED.replace(last, f"{last}\n")
    argv = ("-c", UNGUARDED) if way == "-c" else ("-i", "-q") if way == "-i" else ("-",)
    code, output = ended(tmp_path, sys.executable, *argv, stdin="" if way == "-c" else f"{lines}\n\n")
    assert code == 0, output
    assert (output.count("top level"), output.count("peers []")) == (1, 1), output


def test_sigterm_ends_an_asyncio_program_in_order(tmp_path: Path) -> None:
    """As one without a loop: the node is stopped, and the exit status is a shell's for SIGTERM."""
    (tmp_path / "program.py").write_text(ASYNCIO)
    with running(tmp_path, sys.executable, "program.py") as program:
        program.wait_for("runs True")
        assert program.end(signal.SIGTERM) == 128 + signal.SIGTERM
        assert "node stopped" in program.output


def test_a_notebook_holds_a_node(tmp_path: Path) -> None:
    """With reactors of its own classes, and `await`. What would hold up its loop is refused."""
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    nbformat.write(notebook, tmp_path / "node.ipynb")
    command = ("jupyter", "execute", "--inplace", "--timeout=60", "node.ipynb")
    code, output = ended(tmp_path, *command)
    assert code == 0, output
    cells = nbformat.read(tmp_path / "node.ipynb", as_version=4).cells
    printed = ["".join(each.text for each in cell.outputs if each.get("name") == "stdout") for cell in cells]
    assert printed[3].startswith("[] <Subscription: 0 waiting")
    assert "node.run() would hold up the asyncio loop that runs here" in printed[4]
    assert (printed[5], printed[6]) == ("False\n", "True\n")
