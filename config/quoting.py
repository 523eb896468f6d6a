"""Shows values to the operator: strings in TOML's quotes, and nothing unprintable."""

SHOWN_LIMIT = 120  # characters of a wrong value that are shown
NAME_LIMIT = 80  # and of an unknown name

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(text: str) -> str:
    """The text as a basic TOML string; unprintable characters are escaped."""
    return '"' + "".join(map(_escaped, text)) + '"'


def shown(value: object) -> str:
    """A value in the form for messages: printable, on one line, and short."""
    if isinstance(value, str):
        text = quoted(value[: SHOWN_LIMIT + 1])
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = _of_object(value)
    return text if len(text) <= SHOWN_LIMIT else text[:SHOWN_LIMIT] + "…"


def name_shown(name: str) -> str:
    """A name as somebody has spelt it, without quotes: printable, on one line, and short."""
    text = quoted(name[: NAME_LIMIT + 1])[1:-1]
    return text if len(text) <= NAME_LIMIT else text[:NAME_LIMIT] + "…"


def _of_object(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # an integer of thousands of digits, which Python refuses to print
        return "a number of thousands of digits"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
