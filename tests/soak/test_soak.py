"""`python -m tests.soak`: its flags, and a few seconds of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.pages import claim
from tests.soak import __main__ as command

SOAK = claim("docs/howto/chaos.md", "python -m tests.soak")


@pytest.mark.slow
@pytest.mark.interop
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("go_peer")  # builds it
def test_a_few_seconds_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page's command, for 7 s instead of two hours. Hostile peers come while parts are killed; every process is
    looked at; all messages are accounted for.
    """
    home = tmp_path / "home"
    code = command.main(SOAK.text.replace("--hours 2", f"--hours 0.002 --every 1 --home {home}").split()[3:])
    printed = capsys.readouterr().out
    assert (code, printed.splitlines()[-1]) == (0, "all held"), printed
    visits = re.search(r"^(\d+) hostile connections", printed, re.MULTILINE)
    assert visits is not None, printed
    assert int(visits[1]) > 0
    names = {json.loads(line)[1] for line in (home / "samples").read_text().splitlines()}
    assert {"node", "switch", "fork server"} <= names


@pytest.mark.parametrize(
    ("flags", "said"),
    [(["--hours", "0"], "a number above 0 is expected"), (["--home", "."], "an empty directory is expected")],
)
def test_bad_flags_end_with_2(flags: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line that names the flag and what was expected."""
    with pytest.raises(SystemExit) as ended:
        command.main(flags)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert flags[0] in printed
    assert said in printed
