"""How the house stands, in figures: `python -m tests.house` prints them; test_architecture.py keeps them.

Read from the text of the sources alone: nothing is imported. Imports for type hints count, relative ones too.
"""

from __future__ import annotations

import ast
import io
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import networkx as nx

ROOT = Path(__file__).parent.parent
ROOMS = ("actors", "config", "face", "supervisors", "wire")
MOST_METHODS = 25
MOST_LINES = 450
Span = tuple[int, int]


@dataclass(frozen=True)
class Module:
    """One source file. `name` is its path from the root, `package` the dotted name that it is imported by."""

    name: str
    package: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def is_init(self) -> bool:
        return self.name.endswith("__init__.py")

    @property
    def test(self) -> Path:
        """Where its own tests would be."""
        path = Path(self.name)
        return ROOT / "tests" / path.parent / f"test_{path.stem.strip('_')}.py"


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def modules() -> tuple[Module, ...]:
    """All sources of the package but generated ones."""
    found = []
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            path = file.relative_to(ROOT)
            if not path.stem.endswith("_pb2"):
                found.append(Module(str(path), _package_of(path), file.read_text()))
    return tuple(found)


def _package_of(path: Path) -> str:
    parts = list(path.with_suffix("").parts)
    if parts[0] == "face":
        parts = parts[1:]
    if parts and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(["peerage", *parts])


def imports(module: Module) -> set[str]:
    """The dotted names of all that a module imports, wherever in it: of names in modules, too."""
    found: set[str] = set()
    base = module.package.split(".")
    if not module.is_init:
        base = base[:-1]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = ".".join(base[: len(base) - node.level + 1]) if node.level else ""
            origin = ".".join(part for part in (start, node.module) if part)
            found |= {origin} | {f"{origin}.{alias.name}" for alias in node.names}
    return found


@cache
def graph() -> nx.DiGraph[str]:
    """Who imports whom, by the names of the files."""
    by_package = {module.package: module.name for module in modules()}
    drawn: nx.DiGraph[str] = nx.DiGraph()
    for module in modules():
        drawn.add_node(module.name)
        for package in imports(module):
            target = by_package.get(package)
            # `from .table import x` names the package as well: its __init__ is run, but nothing is taken from it.
            if target is None or target == module.name or target.endswith("__init__.py"):
                continue
            drawn.add_edge(module.name, target)
    return drawn


def circles() -> list[set[str]]:
    """Groups of files each of which imports all others of its group, at last."""
    return [group for group in nx.strongly_connected_components(graph()) if len(group) > 1]


def methods() -> dict[str, int]:
    """How many methods each class has, by file and name."""
    counts: dict[str, int] = {}
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                counts[f"{module.name}:{node.name}"] = sum(isinstance(each, _FUNCTION) for each in node.body)
    return counts


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_DOCUMENTED = (ast.Module, ast.ClassDef, *_FUNCTION)


def function_lengths(sources: Iterable[Module]) -> list[int]:
    """Lines of each function's body, without its docstring."""
    return sorted(length for module in sources for length in _lengths(module))


def _lengths(module: Module) -> Iterator[int]:
    for node in ast.walk(module.tree):
        if isinstance(node, _FUNCTION):
            body = node.body[1:] if _docstring(node) is not None else node.body
            if body:
                yield (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1


def _docstring(node: ast.AST) -> Span | None:
    """First and last line of a docstring."""
    if not isinstance(node, _DOCUMENTED) or not node.body:
        return None
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return first.lineno, first.end_lineno or first.lineno
    return None


def words(module: Module) -> int:
    """Lines that are, or have, a comment or belong to a docstring."""
    told: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith(("# noqa", "# type:")):
            told.add(token.start[0])
    for node in ast.walk(module.tree):
        span = _docstring(node)
        if span is not None:
            told.update(range(span[0], span[1] + 1))
    return len(told)


def untested() -> dict[str, int]:
    """Modules with code and without a test module of their own, and their lines."""
    return {
        module.name: module.lines
        for module in modules()
        if not module.is_init and not module.test.exists() and module.lines
    }


def of_room(room: str) -> list[Module]:
    return [module for module in modules() if module.name.startswith(f"{room}/")]


def figures() -> Mapping[str, str]:
    """The table of the plan, as the house stands now."""
    runtime = of_room("actors/runtime")
    lines = sum(module.lines for module in modules())
    lengths = function_lengths(modules())
    largest = max(modules(), key=lambda module: module.lines)
    over = {name: count for name, count in methods().items() if count > MOST_METHODS}
    homeless = untested()
    tests = sum(file.read_text().count("\n") for file in (ROOT / "tests/actors/runtime").rglob("*.py"))
    return {
        "import circles (files in each)": ", ".join(str(len(group)) for group in circles()) or "none",
        f"classes with more than {MOST_METHODS} methods": str(len(over)),
        "most methods in a class": "{1} ({0})".format(*max(methods().items(), key=lambda item: item[1])),
        "largest module, lines": f"{largest.lines} ({largest.name})",
        "modules without a test module of their own": f"{len(homeless)} ({sum(homeless.values()) / lines:.0%} of lines)",
        "runtime tests : source": f"{tests / sum(module.lines for module in runtime):.2f}",
        "comment and docstring lines": f"{sum(map(words, modules())) / lines:.0%}",
        "the same, runtime": f"{sum(map(words, runtime)) / sum(module.lines for module in runtime):.0%}",
        "function median / p90 / max, lines": (
            f"{statistics.median(lengths):.0f} / {lengths[len(lengths) * 9 // 10]} / {lengths[-1]}"
        ),
    }


def main() -> int:
    for name, value in figures().items():
        print(f"{name:45} {value}")
    for group in circles():
        print("\ncircle:", *sorted(group), sep="\n  ")
    print("\nmany methods:")
    for name, count in sorted(methods().items(), key=lambda item: -item[1]):
        if count > MOST_METHODS:
            print(f"  {count:3} {name}")
    print("\nwithout tests of their own:")
    for name, lines in sorted(untested().items(), key=lambda item: -item[1]):
        print(f"  {lines:4} {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
