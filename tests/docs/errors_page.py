"""Writes the reference of errors from their docstrings: python -m tests.docs.errors_page > docs/reference/errors.md."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

PACKAGES = {
    "peerage": "nodes",
    "peerage.actors.runtime": "actors",
    "peerage.supervisors": "supervisors",
    "peerage.config": "configuration",
    "peerage.messages": "messages",
    "peerage.watching": "watching a network",
    "peerage.blocks": "blocks",
    "peerage.actors.discovery": "discovery",
    "peerage.wire.errors": "wire",
    "peerage.testing": "tests",
}
HEAD = """\
# Errors

What calls raise, by the package that it is imported from; an error that several packages export stands with the first.
Below each package the errors are as they derive from each other,\
 so that an `except` of one catches those below it; in brackets are further bases.
A text is one sentence that names the thing, its value and what was expected; what it is made of are attributes.
All of them can be pickled: an error that an actor raises reaches whoever asked it.

Written from the docstrings by `python -m tests.docs.errors_page`.
"""
Error = type[BaseException]


def first_paragraph(error: Error) -> str:
    """What is said of it, on one line."""
    text = inspect.getdoc(error) or ""
    return re.sub(r"\s+", " ", text.split("\n\n")[0]).replace("|", "\\|")


def errors_of(package: str) -> dict[str, Error]:
    """The errors that a package exports, by name."""
    module = import_module(package)
    named = {name: getattr(module, name) for name in module.__all__}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, type) and issubclass(value, BaseException)
    }


def is_told(base: type) -> bool:
    """Whether a base says something to whoever reads the page: it is Python's, or on the page itself."""
    exported = (name for package in PACKAGES for name in errors_of(package))
    return base.__name__ in exported or (base.__module__ == "builtins" and base is not Exception)


def tree(errors: list[Error], base: Error | None = None, depth: int = 0) -> list[str]:
    """Rows of a table, each error below the nearest of its bases that is in the list. Each stands there once."""
    rows = []
    for error in sorted(errors, key=lambda each: each.__name__):
        nearest = next((each for each in error.__mro__[1:] if each in errors), None)
        if nearest is not base:
            continue
        others = [f"`{each.__name__}`" for each in error.__bases__ if each is not base and is_told(each)]
        also = f" ({', '.join(others)})" if others else ""
        rows.append(f"| {'↳ ' * depth}`{error.__name__}`{also} | {first_paragraph(error)} |")
        rows += tree(errors, error, depth + 1)
    return rows


def page() -> str:
    """The whole page."""
    known: set[Error] = set()
    parts = [HEAD]
    for package, what in PACKAGES.items():
        errors = [error for error in errors_of(package).values() if error not in known]
        known.update(errors)
        title = f"## {what.capitalize()}: `from {package} import …`"
        parts.append("\n".join([title, "", "| error | |", "| --- | --- |", *tree(errors), ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
