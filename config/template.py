"""Renders the config.toml that `peerage init` writes: every setting with its meaning and default."""

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from peerage.config.sections import SECTIONS
from peerage.config.setting import Setting, settings_of

WIDTH = 100

_HEADING = """\
# Configuration of a peerage node. Sections and keys are CometBFT's, except for [peerage]; a config.toml of
# CometBFT can replace this file.
#
# Each setting can also be given by a flag or by an environment variable, which win over this file:
# p2p.laddr by --p2p.laddr or PEERAGE_P2P_LADDR (or CometBFT's CMT_P2P_LADDR).
# `peerage config check` says what is wrong in this file, `peerage config show` prints all values and their sources.
#
# Relative paths start at the home directory. Durations: "10ms", "1m30s", "1.5h".
# Lists: one string, with commas between the items.
"""


def render_config_toml(values: Mapping[str, Any] | None = None) -> str:
    """A complete config.toml. Args: values by setting name, for those that differ from the defaults."""
    values = values or {}
    parts = [_HEADING]
    for section in SECTIONS:
        shown = [setting for setting in settings_of(section) if not setting.declared.hidden]
        if shown and section.SECTION:
            parts.append(f"[{section.SECTION}]\n")
        parts += [_entry(setting, values) for setting in shown]
    return "\n".join(parts)


def _entry(setting: Setting[Any], values: Mapping[str, Any]) -> str:
    declared = setting.declared
    about = f"{declared.about} ({declared.unit})" if declared.unit else declared.about
    chosen = setting.name in values
    value = declared.kind.to_toml(values[setting.name]) if chosen else setting.default_toml
    return "\n".join([*(f"# {line}" for line in wrap(about, WIDTH)), f"{setting.key} = {value}", ""])
