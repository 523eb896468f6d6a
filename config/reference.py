"""Generates the page docs/reference/config.md from the declarations of the settings.

python -m peerage.config.reference > docs/reference/config.md
"""

import sys
from typing import Any

from peerage.config.sections import SECTIONS
from peerage.config.setting import Section, Setting, settings_of

_HEADING = """\
# Settings

`python -m peerage.config.reference` generates this page from the declarations in `config/sections.py`.

A setting takes its value from its flag, its environment variable, the file or the default: the first of these that is given.
The file is `config/config.toml`.
Flags may be written with underscores or hyphens.
An empty environment variable counts as not set.
Where two variables are listed, the first one wins.
Sections and keys are CometBFT's, except for `[peerage]`.
In the file, keys may be in any case, and may have hyphens instead of underscores, as Tendermint v0.35 writes them.
Unknown keys are ignored, with a warning in `[p2p]` and `[peerage]`; elsewhere there is one only for misspelt keys of ours.
For a key that CometBFT, an older version or a fork has and peerage does not, a warning names it if its value has an effect.
Where ignoring such a key would be dangerous, the node does not start.
Durations are in Go's notation (`10ms`, `1m30s`, `1.5h`); a bare number in the file means nanoseconds.
A list is one string with commas between the items.
Blanks, tabs and line breaks around items do not matter; a line break inside an item or any other text is refused.
Relative paths start at the home directory: `--home`, or else `PEERAGE_HOME`, or else `~/.peerage`.
"""


def render_reference() -> str:
    """The text of the page."""
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
        rows.append("- hidden: not in the file that `peerage init` writes, nor in `--help`")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    sys.stdout.write(render_reference())
