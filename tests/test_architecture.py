"""The house stands as docs/architecture.md draws it: arrows, circles, sizes, tests of its own for each module.

`python -m tests.house` prints the figures.
"""

import tomllib

import pytest

from tests import house
from tests.house import ROOMS, ROOT

# What everything in the runtime may build on: the errors, the log, the heap and the limits of the
# operating system.
GROUND = "ground of the runtime"
GROUND_FILES = {f"actors/runtime/{name}.py" for name in ("control_groups", "errors", "heap", "limits", "log")}
RUNTIME = {GROUND, "actors/runtime/mail", "actors/runtime/host", "actors/runtime/processes"}
BELOW_ACTORS = {GROUND, "actors/runtime", "actors/discovery", "wire", "config"}
# folder → folders that it may import beside itself; a file belongs to the longest folder that holds it
ARROWS: dict[str, set[str]] = {
    GROUND: set(),
    "actors/runtime/mail": {GROUND},
    "actors/runtime/host": {GROUND, "actors/runtime/mail"},
    "actors/runtime/processes": {GROUND, "actors/runtime/mail", "actors/runtime/host"},
    "actors/runtime": RUNTIME,
    "wire": set(),
    "config": {"wire"},
    "actors/discovery": {"wire"},
    "actors": {*BELOW_ACTORS, "actors/metrics"},
    "actors/http": {*BELOW_ACTORS, "actors"},
    "actors/metrics": {*BELOW_ACTORS, "actors", "actors/http"},
    "actors/rpc": {*BELOW_ACTORS, "actors", "actors/http"},
    "actors/peers": {*BELOW_ACTORS, "actors", "actors/metrics"},
    "actors/switch": {*BELOW_ACTORS, "actors", "actors/metrics"},
    "actors/reactors": {*BELOW_ACTORS, "actors", "actors/metrics"},
    "actors/crawl": {*BELOW_ACTORS, "actors", "actors/peers"},
    "supervisors": {GROUND, "actors/runtime"},
}
ARROWS["supervisors/node"] = {*ARROWS}
ARROWS["face/conformance"] = {"wire"}  # cases are bytes on a socket
ARROWS["supervisors/chains"] = {*ARROWS}
ARROWS["face"] = {*ARROWS}


def folder_of(file: str) -> str:
    """The folder of ARROWS that a file belongs to."""
    if file in GROUND_FILES:
        return GROUND
    return max((folder for folder in ARROWS if file.startswith(f"{folder}/")), key=len)


@pytest.mark.parametrize("folder", ARROWS)
def test_imports_point_one_way(folder: str) -> None:
    """No folder imports one that lies above it: relative imports, late ones and those for type hints count."""
    allowed = {folder, *ARROWS[folder]}
    against = {
        f"{source} → {target}"
        for source, target in house.graph().edges
        if folder_of(source) == folder and folder_of(target) not in allowed
    }
    assert against == set()


def test_imports_make_no_circle() -> None:
    """Every module can be read, built and tested with what lies below it alone."""
    assert house.circles() == []


def test_no_class_has_more_methods_than_a_reader_keeps_in_mind() -> None:
    """A class that needs more is several things."""
    over = {name: count for name, count in house.methods().items() if count > house.MOST_METHODS}
    assert over == {}


def test_no_module_is_larger_than_a_reader_takes_in() -> None:
    """What is larger has more than one subject."""
    over = {module.name: module.lines for module in house.modules() if module.lines > house.MOST_LINES}
    assert over == {}


def test_new_modules_have_tests_of_their_own() -> None:
    """In a test module of the same name, in the same place under tests/."""
    assert house.untested() == {}


def test_every_package_is_listed_for_the_wheel() -> None:
    """A folder with an `__init__.py` that pyproject.toml forgets would be missing from the wheel."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    mapped = {folder: package for package, folder in table["package-dir"].items()}
    for room in ROOMS:
        for init in (ROOT / room).rglob("__init__.py"):
            folder = str(init.parent.relative_to(ROOT))
            package = mapped.get(folder)
            assert package is not None, f"{folder} has no package in [tool.setuptools.package-dir]"
            assert package in table["packages"], f"{package} is not in [tool.setuptools] packages"


def test_no_room_shadows_the_package() -> None:
    """In the root of a checkout, `import peerage` finds what is installed: no folder there is called so."""
    assert not (ROOT / "peerage").exists()


def test_no_module_is_a_drawer() -> None:
    """A homeless function points to a missing noun."""
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [module.name for module in house.modules() if drawers & set(module.name[:-3].split("/"))] == []
