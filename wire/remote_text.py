"""Text and bytes of a remote, as people may be shown them: on one line, printable, and short.

Whoever is on the network chooses the length of what it sends, and what is in it. Printed as it came, 10 kB of a NodeInfo
are 139 kB of escapes in a log; so whatever is printed goes through here first, wherever it is printed.
"""

from __future__ import annotations

__all__ = ["MAX_SHOWN", "cut", "quoted", "shown"]

MAX_SHOWN = 200  # characters of one remote text
QUOTED = 100  # characters of one in quotes: an error holds two of them at most, and words of its own

_QUOTES = frozenset({"'", '"', b"'", b'"'})


def quoted(value: str | bytes, limit: int = QUOTED) -> str:
    """The value as `repr` writes it, cut behind `limit` characters, with its length if it was cut."""
    text = repr(value[: limit + 1])
    begin, end = text.index(text[-1]) + 1, len(text) - 1
    if len(value) <= limit and end - begin <= limit:
        return text
    kept, room = 0, limit
    for number in range(min(len(value), limit)):
        one = value[number : number + 1]
        room -= 2 if one in _QUOTES else len(repr(one)) - begin - 1
        if room < 0:
            break
        kept += 1
    text = repr(value[:kept])
    what = "bytes" if isinstance(value, bytes) else "characters"
    return f"{text[:-1]}…{text[-1]} ({len(value)} {what})"


def shown(text: str, limit: int = MAX_SHOWN) -> str:
    """The text without quotes, `limit` characters at most; what is not printable is escaped."""
    begun = text[: limit + 1]
    if not begun.isprintable():
        begun = "".join(each if each.isprintable() else repr(each)[1:-1] for each in begun)
    return cut(begun, limit)


def cut(text: str, limit: int = MAX_SHOWN) -> str:
    """A text that is printable already, `limit` characters at most; three dots stand for what is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
