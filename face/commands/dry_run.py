"""Says what `peerage start` would start, and what would keep it from that: nothing is written, and no port is kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from peerage.actors.discovery.book.store_files import NEEDED
from peerage.actors.discovery.errors import StoreError
from peerage.actors.names import NodeNames
from peerage.actors.runtime.limits import descriptor_limit
from peerage.commands.book import snapshot
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.listening_trial import Trial, listening_settings, try_listening
from peerage.commands.loading import warn
from peerage.commands.node_run import load_reactors
from peerage.commands.printing import put_json, put_lines
from peerage.commands.unresolved_peers import unresolved_peers
from peerage.config.config import Config
from peerage.config.errors import ConfigError, NodeKeyFileError, NodeKeyMissingError
from peerage.config.home import Home
from peerage.config.home_lock import holder_of
from peerage.config.home_modes import open_to_others
from peerage.config.node_key_file import load_node_key
from peerage.config.quoting import shown
from peerage.supervisors.node.advertised import refusals_by_books, unresolved_hosts
from peerage.supervisors.node.preconditions import check_cluster
from peerage.supervisors.node.prospects import hindrances
from peerage.supervisors.node.reactor_table import ReactorTable
from peerage.supervisors.node.room_for_peers import lack_of_room
from peerage.supervisors.node.room_to_start import SystemLimits, lack_of_room_to_start
from peerage.supervisors.node.start_line import wanted
from peerage.supervisors.node.tree import NodeTree
from peerage.wire.keys import NodeID

__all__ = ["Plan", "plan_for", "tell"]


@dataclass(slots=True)
class Plan:
    """What a start would do. Attributes: lines, of what; odd, what the operator may not have meant; mistakes, each of which
    would keep the node from starting.
    """

    lines: list[tuple[str, str]] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def tell(plan: Plan, output: Path | None = None, *, as_json: bool = False) -> None:
    """Print a plan. Raises: MistakeError, there are some."""
    if as_json:
        put_json(_as_json(plan), output)
    else:
        well = [] if plan.mistakes else ["nothing would keep this node from starting"]
        put_lines([*(f"{what:<10}{text}" for what, text in plan.lines), *well], output)
    warn(*plan.odd)
    if plan.mistakes:
        *others, last = plan.mistakes
        for line in others:
            click.echo(f"Error: {line}", err=True)
        raise MistakeError(last)


def _as_json(plan: Plan) -> dict[str, Any]:
    return {
        "well": not plan.mistakes,
        "plan": _by_what(plan.lines),
        "warnings": plan.odd,
        "mistakes": plan.mistakes,
    }


def _by_what(lines: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """A node listens at several addresses, and there may be several notes."""
    found: dict[str, list[str]] = {}
    for what, text in lines:
        found.setdefault(what, []).append(text)
    return found


def plan_for(home: Home, flags: Mapping[str, str]) -> Plan:
    """Look at everything that a start looks at."""
    try:
        config = Config.load(home, flags, file_needed=True, to_start=True)
    except ConfigError as error:
        return Plan(odd=list(error.warnings), mistakes=list(map(str, error.mistakes)))
    plan = Plan(odd=list(config.warnings))
    try:
        check_cluster(config)
    except ConfigError as error:
        plan.mistakes.append(str(error))
    node_id = _look_at_key(config, plan)
    reactors = _look_at_reactors(config, plan)
    _look_at_addresses(config, plan)
    plan.lines.append(("wants", wanted(config, reactors.names)))
    _look_at_limits(config, reactors, plan)
    size = _look_at_book(config, plan)
    for what, why, is_mistake in hindrances(
        config,
        node_id or NodeID(""),
        has_channels=bool(reactors.channels),
        book_is_empty=lambda: size == 0 and not config.addr_book_path.exists(),
    ):
        plan.odd.append(f"{what}: {why}") if is_mistake else plan.lines.append(("note", f"{what}: {why}"))
    plan.odd += open_to_others(config)
    return plan


def _look_at_key(config: Config, plan: Plan) -> NodeID | None:
    node_id, who = None, "a new one"
    try:
        node_id = load_node_key(config.node_key_path).node_id
        who = str(node_id)
    except NodeKeyMissingError:
        plan.lines.append(("key", f"none yet; a start writes {config.node_key_path}"))
    except NodeKeyFileError as error:
        plan.mistakes.append(str(error))
        who = "unknown"
    plan.lines.insert(0, ("node", f"{who}, {shown(config.moniker)} in network {shown(config.network)}"))
    return node_id


def _look_at_reactors(config: Config, plan: Plan) -> ReactorTable:
    try:
        return ReactorTable(load_reactors(config.peerage.reactors), pex=config.p2p.pex)
    except MistakeError as error:
        plan.mistakes.append(error.message)
    except ValueError as error:
        plan.mistakes.append(f"peerage.reactors: {error}")
    return ReactorTable({}, pex=config.p2p.pex)


def _look_at_addresses(config: Config, plan: Plan) -> None:
    holder = holder_of(config.home)
    if holder is not None:  # it has the ports, too
        plan.mistakes.append(str(holder))
        trials = [Trial(name, address) for name, address in listening_settings(config).items()]
    else:
        trials = try_listening(config)
    names = {
        "p2p.laddr": "listens",
        "peerage.listen_also": "listens",
        "rpc.laddr": "rpc",
        "instrumentation.prometheus_listen_addr": "metrics",
    }
    for trial in trials:
        told = f", and tells others {' and '.join(trial.told)}" if trial.told else ""
        plan.lines.append((names[trial.setting], f"{trial.address}{told}"))
        plan.odd += [why for _told, why in refusals_by_books(config, trial.told)]
        if trial.fault:
            plan.mistakes.append(trial.fault)
    try:
        if unresolved := unresolved_hosts(config, "external_address"):
            raise ConfigError(unresolved)
    except ConfigError as error:
        plan.mistakes.append(str(error))
    _look_at_peers(config, plan)
    if fault := _unwritable(config.home.data_dir):
        plan.mistakes.append(fault)


def _look_at_peers(config: Config, plan: Plan) -> None:
    """Peers whose names have no address: a mistake if all seeds are such, and there is no address book."""
    lost = unresolved_peers(config)
    has_book = config.home.addrbook_store.exists() or config.addr_book_path.exists()
    seeds = lost.pop("p2p.seeds", [])
    if seeds and len(seeds) == len(config.p2p.seeds) and not has_book:
        plan.mistakes += seeds
    else:
        plan.odd += seeds
    for lines in lost.values():
        plan.odd += lines


def _unwritable(path: Path) -> str:
    there = next(each for each in (path, *path.parents) if each.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        # A start tries it, which a dry run may not
        has_room = shutil.disk_usage(there).free >= NEEDED
        return "" if has_room else f"{path}: no space left on its disk; a directory with room is expected"
    what = "no directory" if not there.is_dir() else "not writable"
    return f"{path}: {there} is {what}; a directory that this user can write is expected"


def _look_at_limits(config: Config, reactors: ReactorTable, plan: Plan) -> None:
    names = NodeNames("", reactors.names, max(1, config.peerage.peer_hosts))
    parts = NodeTree(config, names, reactors, (), (), takes_commands=True).size
    limits, limit = SystemLimits.now(), descriptor_limit()
    if lack := lack_of_room_to_start(parts, len(listening_settings(config)), limits):
        plan.mistakes.append(lack)
    plan.lines.append(("limits", ", ".join(_limits(config, limits, limit, parts))))
    if lack := lack_of_room(config, limit):
        plan.odd.append(lack)


def _limits(config: Config, limits: SystemLimits, descriptors: int, parts: int) -> Iterator[str]:
    peers = config.p2p.max_num_inbound_peers + config.p2p.max_num_outbound_peers
    yield f"{parts + 2} processes for at most {peers} peers and those beyond all limits"
    yield f"{descriptors} file descriptors in each"
    if limits.memory is not None:
        yield f"{limits.memory.limit >> 20} MiB of memory for all, {limits.memory.used >> 20} of them taken"


def _look_at_book(config: Config, plan: Plan) -> int:
    """Returns: how many addresses there are."""
    if not config.home.addrbook_store.exists():
        begins = f"begins with {config.addr_book_path}" if config.addr_book_path.exists() else "empty"
        plan.lines.append(("book", begins))
        return 0
    try:
        size = len(snapshot(config.home, config))
    except (FailureError, StoreError) as error:
        plan.odd.append(getattr(error, "message", str(error)))
        return 0
    plan.lines.append(("book", f"{size} address{'es' * (size != 1)}"))
    return size
