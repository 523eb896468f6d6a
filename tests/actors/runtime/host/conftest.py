"""A process's part in a system in which there is nobody else: no root, no other process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest

from peerage.actors.runtime.mail.process import Process

SERIAL = 4


@pytest.fixture
def lonely() -> Iterator[Process]:
    """What a host needs of its process; what is sent to others is lost."""
    directory = tempfile.mkdtemp(prefix="peerage-lonely-")  # pytest's own are too long for sockets
    process = Process(directory, SERIAL, "lonely")
    yield process
    process.hosts.clear()
    process.close_context()
    shutil.rmtree(directory)
