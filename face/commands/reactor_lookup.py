"""Finds the reactors that an operator names: by the path of a class, or by the name that an installed package gives one.

A package offers its reactors as entry points:

    [project.entry-points."peerage.reactors"]
    price_feed = "price_feed:PriceFeedReactor"
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peerage.commands.exit_status import MistakeError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from peerage.actors.reactors.reactor import Reactor

__all__ = ["GROUP", "look_up"]

GROUP = "peerage.reactors"


def look_up(spec: str) -> tuple[str, type[Reactor]]:
    """Find the reactor that `package.module:Class` or the name of an entry point means, either with `NAME=` in front.

    Modules that are not installed are searched in the current directory.

    Returns: what it is called in the node, by default its class or entry point in capitals; its class.
    Raises: MistakeError naming the reactor and what is wrong with it.
    """
    name, _, path = spec.rpartition("=")
    if ":" in path:
        found, what = _by_path(spec, path)
        default = getattr(found, "__name__", "")
    else:
        found, what = _by_entry_point(spec, path)
        default = path
    from peerage.actors.reactors.reactor import Reactor  # their modules import it, and nobody else here

    if not (isinstance(found, type) and issubclass(found, Reactor)):
        fault = "is not there" if found is None else "is no class derived from peerage.Reactor"
        raise MistakeError(f"reactor {spec!r}: {what} {fault}")
    return name or default.upper(), found


def _by_path(spec: str, path: str) -> tuple[Any, str]:
    """Returns: what is there, or None; what to call it."""
    module_name, _, attribute = path.partition(":")
    try:
        _make_findable(module_name)
        module = importlib.import_module(module_name)
    except Exception as error:  # importing somebody's module can raise anything
        raise MistakeError(
            f"reactor {spec!r}: module {module_name!r} cannot be imported: {_cause(error)}; a module on Python's path"
            " or in the current directory is expected"
        ) from error
    return getattr(module, attribute, None), repr(attribute)


def _by_entry_point(spec: str, name: str) -> tuple[Any, str]:
    """Returns: as `_by_path`."""
    # With a parser of mail: 1 MiB that most nodes have no use for.
    from importlib.metadata import entry_points

    offered = entry_points(group=GROUP)
    found = tuple(offered.select(name=name))
    if not found:
        known = ", ".join(sorted(offered.names)) or "none"
        raise MistakeError(
            f"reactor {spec!r}: no installed package has a reactor of this name (there are: {known}); one of these, or"
            " package.module:Class, is expected"
        )
    if len({each.value for each in found}) > 1:
        several = ", ".join(sorted(map(_origin, found)))
        raise MistakeError(f"reactor {spec!r}: several packages have one of this name: {several}")
    try:
        loaded = found[0].load()
    except Exception as error:  # as in `_by_path`
        raise MistakeError(
            f"reactor {spec!r}: {_origin(found[0])} cannot be imported: {_cause(error)}"
        ) from error
    return loaded, _origin(found[0])


def _origin(point: EntryPoint) -> str:
    package = "" if point.dist is None else f" of {point.dist.name} {point.dist.version}"
    return f"{point.value}{package}"


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"


def _make_findable(module_name: str) -> None:
    """Append the current directory to the path if the module cannot be found elsewhere.

    Only in that case, so that an operator who names installed reactors, or none, runs nothing from wherever he is.
    """
    if importlib.util.find_spec(module_name.partition(".")[0]) is None:
        sys.path.append(str(Path.cwd()))
