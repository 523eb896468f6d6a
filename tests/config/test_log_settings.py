"""How a process logs, as a value."""

import pickle
import subprocess
import sys

from peerage.config.log_settings import LogSettings


def test_it_travels_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(LogSettings("debug", "json"))) == LogSettings("debug", "json")


def test_a_configuration_is_read_without_what_logs() -> None:
    """Most commands never log; structlog takes as long to import as all else that they need."""
    code = "import sys, peerage.config.config; print('structlog' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "False\n"
