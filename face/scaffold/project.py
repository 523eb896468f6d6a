"""Writes a new reactor's project from the files in `template/`: whole, or not at all.

A template's `${…}` are filled in; its path in the project is its path in the folder, with the package's name for `package`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from string import Template

from peerage.config.release import VERSION
from peerage.scaffold.generated_messages import OUR_PACKAGE, serialized_file, spans

__all__ = ["Project", "write_project"]

_SUFFIX = ".template"
_STYLES = frozenset(
    {"plain", "async"}
)  # a template of one of them has it in its name: reactor.async.py.template
_MODE = 0o777  # minus the umask, as mkdir's


@dataclass(frozen=True, slots=True)
class Project:
    """What is asked for. Args: name, a good one (`check_name`); channel, 0..255, of its reactor; is_async, its style."""

    name: str
    channel: int
    is_async: bool = False

    @property
    def class_name(self) -> str:
        """Of the reactor."""
        return "".join(map(str.capitalize, self.name.split("_"))) + "Reactor"

    @property
    def files(self) -> dict[PurePath, str]:
        """The text of each file of the project, by its path in it."""
        values = {
            "package": self.name,
            "class_name": self.class_name,
            "reactor_name": self.name.upper(),
            "channel": f"{self.channel:#04x}",
            "version": VERSION,
            **_generated(self.name),
        }
        ours = files("peerage.scaffold")
        filled = _filled(ours / "template", PurePath(), values, "async" if self.is_async else "plain")
        package = PurePath("src", self.name)
        proto, stub = (ours / "proto" / f"messages{suffix}" for suffix in (".proto", "_pb2.pyi"))
        filled[package / proto.name] = proto.read_text("utf-8").replace(OUR_PACKAGE, self.name)
        filled[package / stub.name] = stub.read_text("utf-8")
        return dict(sorted(filled.items()))


def write_project(folder: Path, project: Project) -> list[PurePath]:
    """Write the files of a project into a folder that is not there yet.

    Returns: their paths in it. Raises: OSError, nothing is left then.
    """
    texts = project.files
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for path, text in texts.items():
            target = made / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8", newline="\n")
        made.chmod(_MODE & ~_umask())
        made.rename(folder)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        raise
    return list(texts)


def _filled(
    folder: Traversable, path: PurePath, values: Mapping[str, str], style: str
) -> dict[PurePath, str]:
    found: dict[PurePath, str] = {}
    for entry in folder.iterdir():
        name, *kinds = entry.name.removesuffix(_SUFFIX).split(".")
        if entry.is_dir():
            package = values["package"] if entry.name == "package" else entry.name
            found |= _filled(entry, path / package, values, style)
        elif entry.name.endswith(_SUFFIX) and (style in kinds or _STYLES.isdisjoint(kinds)):
            kinds = [kind for kind in kinds if kind != style]
            target = path / ".".join([name.replace("dot-", "."), *kinds])
            found[target] = Template(entry.read_text("utf-8")).substitute(values)
    return found


def _generated(package: str) -> dict[str, str]:
    serialized = serialized_file(package)
    lines = [
        f"  _globals['_{name.upper()}']._serialized_{end}={position}"
        for name, span in spans(serialized).items()
        for end, position in zip(("start", "end"), span, strict=True)
    ]
    return {"serialized_file": repr(serialized), "spans": "\n".join(lines)}


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
