"""Where the time goes: py-spy on every process of ours while a work is measured."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

from tests.bench.works import Work

SETTLE_S = 1.5  # nodes start, connect and warm up
RATE_HZ = 200


def find_py_spy() -> str:
    """Raises: FileNotFoundError, which says how to get it."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise FileNotFoundError("py-spy is not installed: pip install -e '.[bench]'")
    return found


def record(work: Work, secs: float, directory: Path) -> list[Path]:
    """Run our half of a work once, and write a flame graph of each process that took part.

    Returns: the files. Raises: FileNotFoundError without py-spy.
    """
    py_spy = find_py_spy()
    directory.mkdir(parents=True, exist_ok=True)
    run = threading.Thread(target=work.ours, args=(SETTLE_S + secs + 1.0,))
    run.start()
    time.sleep(SETTLE_S)
    recordings = {}
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        file = directory / f"{_file_name(work.name)}.{_file_name(_title(process))}.{process.pid}.svg"
        command = [
            py_spy,
            "record",
            "--pid",
            str(process.pid),
            "--duration",
            f"{secs:.0f}",
            "--rate",
            str(RATE_HZ),
        ]
        recordings[file] = subprocess.Popen(  # of a process that is no Python it makes no file
            [*command, "--output", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    for recording in recordings.values():
        recording.wait()
    run.join()
    return [file for file in recordings if file.exists()]


def _title(process: psutil.Process) -> str:
    """What a host calls itself: `peerage[a]: a/switch`."""
    title = "".join(process.cmdline()[:1])
    return title if title.startswith("peerage") else process.name()


def _file_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", text).strip("-")
