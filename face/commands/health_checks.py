"""What `peerage doctor` looks at: each check says what it found, and what to do if that is not well."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from peerage.actors.names import NodeNames
from peerage.actors.runtime.control_groups import memory_use
from peerage.actors.runtime.limits import HELP_WITH_DESCRIPTORS, descriptor_limit
from peerage.actors.runtime.processes.directory import left_behind
from peerage.commands.exit_status import FailureError
from peerage.commands.listening_trial import Trial, listening_settings, try_listening
from peerage.commands.node_link import NodeGoneError
from peerage.commands.running_node import call_node
from peerage.config.config import Config
from peerage.config.errors import ConfigError, HomeInUseError, NodeKeyFileError
from peerage.config.home import Home
from peerage.config.home_lock import holder_of
from peerage.config.home_modes import open_to_others
from peerage.config.node_key_file import load_node_key
from peerage.supervisors.node.advertised import refused_by_books
from peerage.supervisors.node.reactor_table import ReactorTable
from peerage.supervisors.node.room_for_peers import lack_of_room
from peerage.supervisors.node.room_to_start import (
    OWN_MEMORY,
    PART_MEMORY,
    SystemLimits,
    lack_of_room_to_start,
)
from peerage.supervisors.node.tree import NodeTree

__all__ = ["Finding", "examine"]

MEBIBYTE = 1 << 20
LEAST_DISK = 256 * MEBIBYTE  # a full address book, its journal and a spill file are less
REACH_S = 2.0  # for a connection to ourselves
TIME_ERROR = 5  # what adjtimex(2) returns while nothing keeps the clock right
EARLIEST = 1_735_689_600  # 2025-01-01: a clock before that was never set


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. Attributes: check, its name; found, in words; remedy, what to do, empty if all is well."""

    check: str
    found: str
    remedy: str = ""


def examine(home: Home) -> Iterator[Finding]:
    """Look at everything that keeps nodes of a home from running well. Nothing is changed."""
    config = Config(home=home)
    try:
        config = Config.load(home, file_needed=True, to_start=True)
        yield Finding("settings", f"{home.config_file}: nothing wrong")
    except ConfigError as error:
        remedy = "correct it; `peerage config check` says more, and `peerage config set` changes one setting"
        for mistake in error.mistakes:
            yield Finding("settings", str(mistake), remedy)
    for check in CHECKS:
        yield from check(config)


def _key(config: Config) -> Iterator[Finding]:
    try:
        node_id = load_node_key(config.node_key_path).node_id
    except NodeKeyFileError as error:
        remedy = (
            "`peerage init` writes one" if not config.node_key_path.exists() else "mend or restore the file"
        )
        if "chmod" in str(error):
            remedy = f"chmod 600 {config.node_key_path}"
        yield Finding("key", str(error), remedy)
    else:
        yield Finding("key", f"{node_id}, for its owner alone")


def _modes(config: Config) -> Iterator[Finding]:
    odd = open_to_others(config)
    for line in odd:
        path, _, found = line.partition(": ")
        yield Finding("modes", f"{path}: {found.partition(';')[0]}", f"chmod go-w {path}")
    if not odd:
        yield Finding("modes", "nobody but the owner may change what is in the home")


def _limits(config: Config) -> Iterator[Finding]:
    reactors = ReactorTable({}, pex=config.p2p.pex)
    names = NodeNames("", reactors.names, max(1, config.peerage.peer_hosts))
    parts = NodeTree(config, names, reactors, (), ()).size + len(config.peerage.reactors)
    limits, limit = SystemLimits.now(), descriptor_limit()
    lack = lack_of_room_to_start(parts, len(listening_settings(config)), limits)
    if lack:
        found, _, remedy = lack.rpartition("; ")
        yield Finding("limits", found, remedy)
    room = lack_of_room(config, limit)
    peers = config.p2p.max_num_inbound_peers + config.p2p.max_num_outbound_peers
    if room:
        yield Finding("descriptors", room.removesuffix(f"; {HELP_WITH_DESCRIPTORS}"), HELP_WITH_DESCRIPTORS)
    else:
        yield Finding("descriptors", f"{limit} for each process, enough for {peers} peers")
    yield from _memory(OWN_MEMORY + PART_MEMORY * parts)


def _memory(needed: int) -> Iterator[Finding]:
    use = memory_use()
    free = psutil.virtual_memory().available
    where = "the machine has"
    if use is not None and use.limit - use.used < free:
        free, where = max(0, use.limit - use.used), "the container or service has"
    found = f"{where} {free // MEBIBYTE} MiB left; a node needs {needed // MEBIBYTE} before its first peer"
    yield Finding(
        "memory", found, "" if free >= needed else "give it more (MemoryMax=, --memory), or stop something"
    )


def _disk(config: Config) -> Iterator[Finding]:
    data = config.home.data_dir
    there = next(each for each in (data, *data.parents) if each.exists())
    free = shutil.disk_usage(there).free
    found = f"{free // MEBIBYTE} MiB left at {there}"
    if free < LEAST_DISK:
        yield Finding(
            "disk",
            found,
            f"make room, {LEAST_DISK // MEBIBYTE} MiB at least, or move {data} to a larger disk",
        )
    elif not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            "disk",
            f"{there} cannot be written by user {os.getuid()}",
            f"chown it, or run as its owner: {there}",
        )
    else:
        yield Finding("disk", found)


def _clock(config: Config) -> Iterator[Finding]:
    now = time.time()
    newest = max(
        (
            path.stat().st_mtime
            for path in (config.home.config_file, config.home.addrbook_store)
            if path.exists()
        ),
        default=0.0,
    )
    told = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    remedy = "set it, and keep it right: `timedatectl set-ntp true`, or chrony"
    if now < max(EARLIEST, newest - 60):
        why = "years ago" if now < EARLIEST else "before files of this home were written"
        yield Finding("clock", f"{told}, which is {why}", remedy)
    elif is_kept_right() is False:
        yield Finding("clock", f"{told}, and the kernel says that nothing keeps it right", remedy)
    else:
        yield Finding("clock", told)


def is_kept_right() -> bool | None:
    """Whether the kernel says that something synchronises the clock; None where it says nothing. Source: adjtimex(2)."""
    with suppress(OSError, AttributeError):
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
        return None if state < 0 else state != TIME_ERROR
    return None


def _ports(config: Config) -> Iterator[Finding]:
    holder = holder_of(config.home)
    if holder is not None:
        yield from _running(config, holder)
        return
    for trial in try_listening(config):
        yield _bindable(trial)
        for told in trial.told:
            yield from _announced(config, told)


def _running(config: Config, holder: HomeInUseError) -> Iterator[Finding]:
    """A node that runs: whether it answers its operator, and whether it is reached at the address that it tells."""
    home = config.home
    try:
        call_node(home, "health", within=REACH_S)
        yield Finding("node", f"runs as process {holder.pid}, and answers")
    except NodeGoneError as error:
        yield Finding(
            "node",
            f"runs as process {holder.pid}; it takes no commands: {error.cause}",
            "start it with `peerage start`, or in a program with Node(…, takes_commands=True)",
        )
    except FailureError as error:
        remedy = f"`peerage debug dump --home {home}` says where it hangs; start it again"
        yield Finding("node", f"runs as process {holder.pid}: {error.message}", remedy)
    for address in (holder.address, *holder.also):
        yield from _reached(config, address)


def _reached(config: Config, address: str) -> Iterator[Finding]:
    """Whether somebody is reached where peers are told to dial. Args: address, ID@host:port, or nothing."""
    host, _, port = address.rpartition("@")[2].rpartition(":")
    if not port.isdigit():
        return
    place = f"{host}:{port}, where it tells peers to dial"
    if refused_by_books(config, f"{host}:{port}"):
        yield from _announced(config, f"{host}:{port}")
    elif is_reached(host.strip("[]"), int(port)):
        yield Finding("announced", f"the node is reached at {place}")
    else:
        remedy = (
            "forward the port, or mend p2p.external_address; a router may hide the port from its own side, so"
        )
        yield Finding(
            "announced", f"nobody is reached at {place}", f"{remedy} try `peerage ping` from outside"
        )


def _bindable(trial: Trial) -> Finding:
    if not trial.fault:
        return Finding("port", f"{trial.setting}: {trial.address} is free")
    return Finding("port", trial.fault, f"stop what has it, or change {trial.setting}")


def is_reached(host: str, port: int) -> bool:
    """Whether somebody accepts a connection there."""
    with suppress(OSError), socket.create_connection((host, port), REACH_S):
        return True
    return False


def _announced(config: Config, told: str) -> Iterator[Finding]:
    refused = refused_by_books(config, told)
    found, _, remedy = refused.partition("; ")
    yield Finding("announced", found or f"peers are told to dial {told}", remedy)


def _leftovers(config: Config) -> Iterator[Finding]:
    if lost := orphans(_titles()):
        named = ", ".join(f"{pid} ({title})" for pid, title in lost)
        pids = " ".join(str(pid) for pid, _ in lost)
        yield Finding("leftovers", f"processes of nodes that are gone: {named}", f"kill -9 {pids}")
    drafts = [*config.home.config_file.parent.glob(".*.*.????????????????"), *left_behind()]
    if drafts:
        some = ", ".join(map(str, drafts[:5])) + (f" and {len(drafts) - 5} more" if len(drafts) > 5 else "")
        remedy = "remove them: rm -r " + " ".join(map(str, drafts[:5]))
        yield Finding("leftovers", f"what killed nodes have left: {some}", remedy)
    if not lost and not drafts:
        yield Finding("leftovers", "none of killed nodes")


def _titles() -> Iterator[tuple[int, str]]:
    """This user's processes and their titles."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.uids().real == os.getuid():
                yield process.pid, " ".join(process.cmdline()).strip()


def orphans(titles: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Of processes by their titles those that belong to a node of `peerage start` whose main process is gone.

    What a program that embeds nodes has started is left out. Its main process has a title of its own, and only its fork
    server, which ends with it, shows that it lives. So while there is one, no part of a node is called lost: the parent
    does not tell whose it is, for parts outlive a fork server that was killed.
    """
    titles = list(titles)
    embedded = any(title == "peerage: fork server" for _, title in titles)
    nodes = [
        (pid, title, *title.partition("]: ")[::2]) for pid, title in titles if title.startswith("peerage[")
    ]
    living = {node for _, _, node, part in nodes if part.startswith("root")}
    return [
        (pid, title)
        for pid, title, node, part in nodes
        if part and node not in living and (part == "fork server" or not embedded)
    ]


CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _key,
    _modes,
    _limits,
    _disk,
    _clock,
    _ports,
    _leftovers,
)
