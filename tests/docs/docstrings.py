"""Docstrings as the site shows them: the sections that they end with become Markdown.

The parsers of docstrings know sections only in the form `Args:`, with everything below it. Of one that begins on the line
itself, `Args: x, what it is; …`, as ours do where that is enough, they leave out what is on the following lines, and say
nothing. So we do it, and zensical.toml has the site take what we made as it is.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from griffe import Extension

HEADINGS = ("Answer", "Args", "Attribute", "Attributes", "Promises", "Raises", "Returns", "Source", "Yields")
SECTION = re.compile(rf"^({'|'.join(HEADINGS)}):(?: +(.*))?$")
ITEM = re.compile(r"^([*\w.]+(?:, [*\w.]+)*): +(.*)$")


def for_site(docstring: str) -> str:
    """A docstring whose sections are paragraphs with a bold heading, or lists. Not a word is lost.

    Args: docstring, without the indentation that its lines have in common.
    """
    out: list[str] = []
    lines = docstring.splitlines()
    while lines:
        line = lines.pop(0)
        found = SECTION.match(line)
        if found is None:
            out.append(line)
            continue
        heading, first = found.groups()
        out += ["", f"**{heading}:** {first or ''}".rstrip()]
        below = textwrap.dedent("\n".join(_take_indented(lines))).splitlines()
        out += below if first else ["", *_items(below)]
        out.append("")
    return "\n".join(out).strip("\n")


def _take_indented(lines: list[str]) -> Iterator[str]:
    while lines and (lines[0].startswith(" ") or (not lines[0] and lines[1:] and lines[1].startswith(" "))):
        yield lines.pop(0)


def _items(lines: list[str]) -> Iterator[str]:
    """A list, an item for each line that is not the continuation of another."""
    for line in lines:
        found = ITEM.match(line)
        if found is not None:
            yield f"- `{found[1]}`: {found[2]}"
        else:
            yield f"  {line.strip()}" if line.startswith(" ") else f"- {line}" if line else ""


class Sections(Extension):  # type: ignore[misc]  # griffe is there where the site is built
    """What the site's maker calls."""

    def on_object(self, *, obj: Any, **_others: Any) -> None:
        """Once for each class, function and so on."""
        if obj.docstring is not None:
            obj.docstring.value = for_site(obj.docstring.value)
