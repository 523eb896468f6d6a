"""The page docs/reference/config.md, made from the declarations.

python -m peerage.config.reference > docs/reference/config.md
"""

import sys
from typing import Any

from peerage.config.sections import SECTIONS
from peerage.config.setting import Section, Setting, settings_of

_HEADING = """\
# Settings

This page is made from the declarations in `config/sections.py` by `python -m peerage.config.reference`.

A setting's value is what its flag says, else its environment variable, else the file's, else the default.
The file is `config/config.toml`.
Flags may be written with underscores or hyphens.
An empty environment variable counts as not set.
Where two variables are named, the first one wins.
Sections and keys are CometBFT's, but for `[peerage]`.
In a file, keys may be in any case, and have hyphens in place of underscores, as Tendermint v0.35 wrote them.
What is unknown there is ignored, in `[p2p]` and `[peerage]` with a warning, elsewhere if it is a misspelt key of ours.
A key that CometBFT, an older version or a fork has and peerage has not is named as such when its value asks for
something; where it would be dangerous to ignore it, no node starts.
Durations are in Go's notation (`10ms`, `1m30s`, `1.5h`); a bare number in the file is nanoseconds.
Lists are one string with commas between the items.
Blanks, tabs and line breaks around items do not matter; a line break inside an item or any other text is refused.
Paths count from the home directory: `--home`, else `PEERAGE_HOME`, else `~/.peerage`.
"""


def render_reference() -> str:
    """The whole page."""
    return "\n".join([_HEADING, *map(_section, SECTIONS)])


def _section(section: type[Section]) -> str:
    title = f"`[{section.SECTION}]`" if section.SECTION else "Top level"
    doc = (section.__doc__ or "").strip()
    return "\n".join([f"## {title}\n", f"{doc}\n", *map(_setting, settings_of(section))])


def _setting(setting: Setting[Any]) -> str:
    declared = setting.declared
    default = declared.default_text or f"`{setting.default_toml}`"
    rows = [
        f"### `{setting.name}`\n",
        f"{declared.about}.\n",
        f"- default: {default}" + (f", unit: {declared.unit}" if declared.unit else ""),
        f"- allowed: {setting.allowed}",
        f"- flag: `{setting.flag}`" + (", may be repeated" if declared.repeatable else ""),
        f"- environment: {', '.join(f'`{variable}`' for variable in setting.variables)}",
    ]
    if declared.hidden:
        rows.append("- hidden: neither in the file that `peerage init` writes nor in `--help`")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    sys.stdout.write(render_reference())
