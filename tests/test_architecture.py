"""The house stands as docs/architecture.md draws it."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# room → rooms it may import
ARROWS = {
    "wire": set[str](),
    "actors/runtime": set[str](),
    "config": {"wire"},
    "discovery": {"wire"},
    "actors": {"actors/runtime", "wire", "config", "discovery"},
    "supervisors": {"actors", "actors/runtime", "wire", "config", "discovery"},
    "peerage": {"supervisors", "actors", "actors/runtime", "wire", "config", "discovery"},
}
# the actor framework of `supervisors` is usable without a node: these modules see the runtime only
LIFTABLE = {
    "supervisors/__init__.py",
    "supervisors/messages.py",
    "supervisors/spec.py",
    "supervisors/strategy.py",
    "supervisors/supervisor.py",
    "supervisors/errors.py",
}


def room_of(module: str) -> str | None:
    """The room a `peerage…` module lies in, None for foreign modules."""
    parts = module.split(".")
    if parts[0] != "peerage":
        return None
    if parts[1:3] == ["actors", "runtime"]:
        return "actors/runtime"
    if len(parts) > 1 and parts[1] in ARROWS:
        return parts[1]
    return "peerage"


def sources(room: str) -> list[Path]:
    files = sorted((ROOT / room).rglob("*.py"))
    if room == "actors":
        files = [file for file in files if "runtime" not in file.relative_to(ROOT).parts]
    return files


def imports(file: Path) -> set[str]:
    """Absolute names of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("room", ARROWS)
def test_imports_point_one_way(room: str) -> None:
    """No room imports one that lies above it."""
    allowed = ARROWS[room] | {room}
    for file in sources(room):
        rooms = {found for found in map(room_of, imports(file)) if found is not None}
        assert rooms <= allowed, f"{file.relative_to(ROOT)} imports {sorted(rooms - allowed)}"


@pytest.mark.parametrize("file", sorted(LIFTABLE))
def test_supervisors_can_be_used_without_a_node(file: str) -> None:
    """The general part of the supervisors knows the runtime and nothing else of the node."""
    rooms = {found for found in map(room_of, imports(ROOT / file)) if found is not None}
    assert rooms <= {"supervisors", "actors/runtime"}


def test_every_package_is_listed_for_the_wheel() -> None:
    """A folder with an `__init__.py` that pyproject.toml forgets would be missing from the wheel."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    mapped = {folder: package for package, folder in table["package-dir"].items()}
    for room in ("peerage", "wire", "actors", "supervisors", "config", "discovery"):
        for init in (ROOT / room).rglob("__init__.py"):
            folder = str(init.parent.relative_to(ROOT))
            package = mapped.get(folder)
            assert package is not None, f"{folder} has no package in [tool.setuptools.package-dir]"
            assert package in table["packages"], f"{package} is not in [tool.setuptools] packages"


def test_no_module_is_a_drawer() -> None:
    """A homeless function points to a missing noun."""
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    for room in ARROWS:
        for file in sources(room):
            assert file.stem not in drawers, file
