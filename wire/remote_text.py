"""Makes text and bytes from a remote fit to be shown to people: on one line, printable, and short.

Anyone on the network chooses what they send and how long it is. Printed unchanged, a NodeInfo of 10 kB becomes 139 kB
of escapes in a log. So everything from a remote passes through here before it is printed, wherever that happens.
"""

from __future__ import annotations

__all__ = ["MAX_SHOWN", "cut", "quoted", "shown"]

MAX_SHOWN = 200  # characters of one remote text
QUOTED = 100  # characters of a quoted one: an error holds at most two of them, and words of its own

_QUOTES = frozenset({"'", '"', b"'", b'"'})


def quoted(value: str | bytes, limit: int = QUOTED) -> str:
    """The value as `repr` writes it, cut after `limit` characters; if it was cut, its length follows."""
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
    """The text without quotes, at most `limit` characters; characters that are not printable are escaped."""
    begun = text[: limit + 1]
    if not begun.isprintable():
        begun = "".join(each if each.isprintable() else repr(each)[1:-1] for each in begun)
    return cut(begun, limit)


def cut(text: str, limit: int = MAX_SHOWN) -> str:
    """A text that is already printable, at most `limit` characters; an ellipsis stands for what is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
