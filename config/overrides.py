"""Overrides: what an embedder passes to Config instead of files, as sections by name and keys by name."""

from collections.abc import Mapping

from peerage.config.errors import Mistake
from peerage.config.quoting import shown
from peerage.config.resolution import Resolution
from peerage.config.sections import SECTIONS, SETTINGS
from peerage.config.setting import Section, settings_of
from peerage.config.toml_file import nearest

SOURCE = "argument"

_SECTION_NAMES = frozenset(section.SECTION for section in SECTIONS)
_BY_NAME = {setting.name.lower(): setting for setting in SETTINGS} | {
    f"{setting.section}.{setting.attribute}".lstrip("."): setting for setting in SETTINGS
}
_BY_NAME["network"] = _BY_NAME["peerage.network"]


def settle_overrides(overrides: Mapping[str, object]) -> Resolution:
    """Convert and check overrides: {"moniker": "me", "p2p": {"laddr": …}} or {"p2p": P2PConfig(…)}."""
    settled = Resolution()
    _settle(overrides, "", settled)
    return settled


def _settle(given: Mapping[str, object], section: str, settled: Resolution) -> None:
    """Take the overrides of one section, or of the top level if `section` is empty."""
    for key, value in given.items():
        name = f"{section}.{key}".lstrip(".").lower()
        if name in _SECTION_NAMES:
            _settle_section(name, value, settled)
        elif name in _BY_NAME:
            setting = _BY_NAME[name]
            settled.settle(setting, setting.from_python, value, SOURCE)
        else:
            close = nearest(name, [*_BY_NAME, *_SECTION_NAMES])
            allowed = "a setting's name" + (f"; did you mean {close}?" if close else "")
            settled.mistakes.append(Mistake(name, SOURCE, shown(value), allowed))


def _settle_section(name: str, value: object, settled: Resolution) -> None:
    if isinstance(value, Section) and name == value.SECTION:
        _settle(_values(value), name, settled)
    elif isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        _settle(value, name, settled)
    else:
        settled.mistakes.append(Mistake(name, SOURCE, shown(value), "the section, or a mapping of its keys"))


def _values(section: Section) -> dict[str, object]:
    """A section's values by attribute, as a mapping would give them; subsections included."""
    values = {
        setting.attribute: getattr(section, setting.attribute) for setting in settings_of(type(section))
    }
    if section.SECTION == "p2p":
        values |= {name: getattr(section, name) for name in ("test_fuzz_config", "libp2p")}
    return values
