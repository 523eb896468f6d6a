"""A process writes its stacks when it gets the signal, also while it hangs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from peerage.actors.stack_dumps import STACKS_SIGNAL, write_stacks_on_signal
from tests.nodes import wait_until

HANGING = """
import sys
from pathlib import Path
from peerage.actors.stack_dumps import write_stacks_on_signal

def hang():
    print("hangs", flush=True)
    while True:
        pass

write_stacks_on_signal(Path(sys.argv[1]))
hang()
"""


def test_a_process_that_hangs_in_a_loop_says_where(tmp_path: Path) -> None:
    """And lives on."""
    file = tmp_path / "stacks"
    with subprocess.Popen([sys.executable, "-c", HANGING, str(file)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"hangs\n"
            process.send_signal(STACKS_SIGNAL)
            wait_until(lambda: "in <module>" in file.read_text())
            assert "in hang" in file.read_text()
            assert process.poll() is None
        finally:
            process.kill()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_opened_is_done_without(tmp_path: Path) -> None:
    """The signal does then what it did."""
    assert not write_stacks_on_signal(tmp_path / "no" / "such" / "place")
