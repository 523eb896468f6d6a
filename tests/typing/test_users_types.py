"""What mypy and pyright say of a user's program, with the package as it is installed: nothing of a right one, and every
mistake of a wrong one, on its line.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

import peerage

CHECKOUT = Path(__file__).parent.parent.parent
USERS = Path(__file__).parent / "users"
RIGHT = ("actors_right.py", "coroutines_right.py", "reactor_right.py")
WRONG = ("actors_wrong.py", "reactor_wrong.py")
PATIENCE_S = 300.0  # on a machine that does much else
Mistake = tuple[str, int]  # the file, and the line

MYPY_LINE = re.compile(r"^(\w+\.py):(\d+): error: ")


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the wheel, as users have it: this one, if it is no editable install, which checkers cannot see."""
    if Path(str(peerage.__file__)).is_relative_to(sysconfig.get_path("purelib")):
        return Path(sys.executable)
    folder = tmp_path_factory.mktemp("user")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = shutil.copytree(
        CHECKOUT, folder / "checkout", ignore=shutil.ignore_patterns(".*", "build", "*.so")
    )
    env = {"PATH": "/usr/bin:/bin", "PEERAGE_PURE": "1"}
    subprocess.run([*build, "--wheel-dir", folder, copy], check=True, env=env, timeout=PATIENCE_S)
    [wheel] = folder.glob("*.whl")
    venv.create(folder / "venv")
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    shutil.unpack_archive(wheel, packages, "zip")
    # Everything that the package needs, and behind it, so that the checkout is not found first.
    (packages / "needed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "venv/bin/python"


def marked() -> set[Mistake]:
    """The lines with a mistake."""
    return {
        (name, number)
        for name in WRONG
        for number, line in enumerate((USERS / name).read_text().splitlines(), 1)
        if line.endswith("# wrong")
    }


def by_mypy(interpreter: Path) -> set[Mistake]:
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        str(interpreter),
        "--cache-dir=/dev/null",
    ]
    found = subprocess.run(
        [*command, "--config-file=", "--no-error-summary", *RIGHT, *WRONG],
        check=False,
        cwd=USERS,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert found.returncode == 1, found.stdout + found.stderr  # 2: it could not look
    return {
        (match[1], int(match[2])) for line in found.stdout.splitlines() if (match := MYPY_LINE.match(line))
    }


def by_pyright(interpreter: Path) -> set[Mistake]:
    pytest.importorskip("pyright")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", str(interpreter)]
    found = subprocess.run(
        [*command, *RIGHT, *WRONG], check=False, cwd=USERS, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert found.returncode == 1, found.stdout + found.stderr
    return {
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1)
        for each in json.loads(found.stdout)["generalDiagnostics"]
        if each["severity"] == "error"
    }


@pytest.mark.timeout(600)
@pytest.mark.parametrize("check", [by_mypy, by_pyright])
def test_a_right_program_has_no_error_and_a_wrong_one_all_of_them(
    interpreter: Path, check: Callable[[Path], set[Mistake]]
) -> None:
    """Wrong messages, answers, handlers and actors; wrong channels and messages of reactors."""
    found, expected = check(interpreter), marked()
    assert (found - expected, expected - found) == (set(), set())
