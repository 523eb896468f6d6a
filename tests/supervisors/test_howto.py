"""docs/howto/supervise.md does what it says."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "supervise.md"


def test_first_example_runs(tmp_path: Path) -> None:
    """A reader who copies the example into a file sees the restarted actor answer."""
    example = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    script = tmp_path / "example.py"
    script.write_text(example)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "the same ref reaches the new process" in done.stdout
    assert done.stdout.count("child restarted") == 1
