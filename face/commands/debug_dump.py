"""What a debug dump holds, as texts by name of file.

It is what the node says, and what can be seen from outside when it says nothing.
"""

from __future__ import annotations

import json
import os
import platform
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from peerage.commands.event_lines import MESSAGE, read_notices
from peerage.commands.exit_status import FailureError
from peerage.commands.node_link import NodeGoneError
from peerage.commands.running_node import call_node, stream_from_node
from peerage.commands.stack_collection import collect_stacks
from peerage.config.config import Config
from peerage.config.errors import OperatorError
from peerage.config.home import Home
from peerage.config.home_lock import holder_of
from peerage.config.release import VERSION
from peerage.config.sections import SETTINGS

__all__ = ["dump_of", "processes_of", "redacted", "title_of"]

README: Final = """\
A debug dump of a peerage node. It holds no key. IDs of private peers are replaced by private-peer-N, wherever they occur.

overview.json               how the node stands; its parts and their restarts
peers.json, bans.json       who is connected; who is kept out
actors.json                 the tree and its mailboxes
events.json                 what happened last; nothing from hosts of private peers
config.json                 the settings that count, and where each comes from
processes.json, limits.txt  the node's processes as the system sees them, and what it allows them
stacks.txt                  what each actor was doing, and where each thread of each process was
files.txt, versions.json    the home's files; versions of everything
log.txt                     the last lines of the log, if it was named
missing.txt                 what could not be got, and why
"""
CALLS: Final = {
    "overview.json": "overview",
    "peers.json": "net_info",
    "bans.json": "bans",
    "actors.json": "actors",
}
LOG_BYTES: Final = 512 * 1024
LOG_LINES: Final = 2000
TITLE_CHARS: Final = 200
ANSWER_S: Final = 7.0  # a node that says nothing for so long is asked nothing more
LIBRARIES: Final = (
    "pyzmq",
    "pykka",
    "cryptography",
    "pynacl",
    "msgspec",
    "structlog",
    "uvicorn",
    "starlette",
    "click",
)


_Answer = TypeVar("_Answer")


class SilentNodeError(Exception):
    """The node is not there, or says nothing."""


def dump_of(home: Home, log: Path | None = None) -> dict[str, str]:
    """Collect it. Args: log, a file whose last lines are taken along. Nothing is raised for what is missing: it is said."""
    files: dict[str, str] = {"README.txt": README}
    missing: list[str] = []

    def get(name: str, read: Callable[[], str]) -> None:
        try:
            files[name] = read()
        except (OSError, ValueError, OperatorError, FailureError, SilentNodeError, psutil.Error) as error:
            missing.append(f"{name}: {error.message if isinstance(error, FailureError) else error}")

    processes = processes_of(home, missing)
    # First, while everything is as it was: the questions below change what the node is doing.
    get("stacks.txt", lambda: collect_stacks(((p.pid, title_of(p)) for p in processes), home.stacks_file))
    node = _Node(home)
    get("processes.json", lambda: _json([_facts(process) for process in processes]))
    for name, method in CALLS.items():
        get(name, lambda method=method: _json(node.call(method)))  # type: ignore[misc]  # bound now
    get("events.json", lambda: _json(node.events()))
    get("config.json", lambda: _json(_settings(home, node)))
    get("limits.txt", lambda: _limits(processes))
    get("files.txt", lambda: "\n".join(_listing(home)))
    get("versions.json", lambda: _json(_versions()))
    if log is not None:
        get("log.txt", lambda: _tail(log))
    private = _private_ids(node, files, missing)
    files["missing.txt"] = "\n".join(missing)
    if "log.txt" in files:  # such a line may have the address, too
        files["log.txt"] = "\n".join(_without(private, line) for line in files["log.txt"].splitlines())
    return {name: redacted(text, private) for name, text in files.items()}


def redacted(text: str, private: Mapping[str, str]) -> str:
    """The text without private IDs, and without the addresses that stand behind them.

    Args: private, ID → what replaces it.
    """
    if not private:
        return text
    pattern = re.compile(rf"(?i)({'|'.join(private)})(@[^\s\",\\]+)?")
    return pattern.sub(lambda found: private[found[1].lower()], text)


class _Node:
    """A running node, which may hang: one that has not answered once is not asked again."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._why_silent = ""

    def call(self, method: str) -> Any:
        """Raises: SilentNodeError, it does not run or does not answer; FailureError, it says why it cannot."""
        return self._ask(lambda: call_node(self._home, method, within=ANSWER_S))

    def events(self) -> list[dict[str, Any]]:
        """The events that the node still has, the oldest first. Raises: like `call`; ValueError, it sent none."""

        def read() -> list[dict[str, Any]]:
            with stream_from_node(self._home, "/events?follow=false", ANSWER_S) as lines:
                return [notice.data for notice in read_notices(lines) if notice.name == MESSAGE]

        return self._ask(read)

    def _ask(self, ask: Callable[[], _Answer]) -> _Answer:
        if self._why_silent:
            raise SilentNodeError(self._why_silent)
        began = time.monotonic()
        try:
            return ask()
        except NodeGoneError as error:
            self._why_silent = error.cause
            raise SilentNodeError(self._why_silent) from error
        except FailureError as error:
            if time.monotonic() - began >= ANSWER_S:
                self._why_silent = error.message
            raise


def _private_ids(node: _Node, files: dict[str, str], missing: list[str]) -> dict[str, str]:
    """IDs that nobody is to be told of, and their stand-ins. Private peers are left out of the list of peers altogether."""
    try:
        ids = node.call("peer_lists")["private"]
    except (SilentNodeError, FailureError):
        ids = []
        if "log.txt" in files:
            missing.append("private peers that were added while the node ran: lines of log.txt may name them")
        if files.pop("events.json", None) is not None:
            missing.append("events.json: which peers are private could not be got")
    settings = json.loads(files.get("config.json", "{}"))
    ids += settings.get("p2p.private_peer_ids", {}).get("value", [])
    stand_ins = {peer_id: f"private-peer-{number}" for number, peer_id in enumerate(dict.fromkeys(ids), 1)}
    hosts = _hosts_of(stand_ins, files.get("config.json", ""))
    if "peers.json" in files:
        info = json.loads(files["peers.json"])
        peers = info["peers"]
        info["peers"] = [peer for peer in peers if peer["node_info"]["id"] not in stand_ins]
        files["peers.json"] = _json(info)
        hosts |= {peer["remote_ip"] for peer in peers if peer["node_info"]["id"] in stand_ins}
    if "events.json" in files:
        files["events.json"] = _json(_events_of_others(stand_ins, hosts, json.loads(files["events.json"])))
    return stand_ins


def _hosts_of(private: Mapping[str, str], text: str) -> set[str]:
    """Where the addresses in a text say that private peers are."""
    found = re.findall(r"(?i)([0-9a-f]{40})@\[?([^\s\",\\\]]+?)\]?:\d+", text)
    return {host for peer_id, host in found if peer_id.lower() in private}


def _events_of_others(
    private: Mapping[str, str], hosts: set[str], events: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Those that are neither about a private peer nor about a host at which one is."""

    def host_of(event: Mapping[str, Any]) -> str:
        return str(event.get("address", "")).rpartition(":")[0].strip("[]") or str(event.get("subject", ""))

    def is_about(event: Mapping[str, Any], words: Iterable[str]) -> bool:
        text = json.dumps(event).lower()
        return any(word in text for word in words)

    hosts = hosts | {host_of(event) for event in events if is_about(event, private)} - {""}
    return [event for event in events if not is_about(event, private) and host_of(event) not in hosts]


def _without(private: Mapping[str, str], line: str) -> str:
    lower = line.lower()
    about = next((stand_in for peer_id, stand_in in private.items() if peer_id in lower), None)
    return line if about is None else f"(a line about {about})"


def _settings(home: Home, node: _Node) -> Any:
    """The running node's, else what the home says."""
    try:
        return node.call("effective_config")
    except (SilentNodeError, FailureError):
        config = Config.load(home, file_needed=False)
        return {
            setting.name: {"value": config.value_of(setting), "source": config.source_of(setting.name)}
            for setting in SETTINGS
        }


def processes_of(home: Home, missing: list[str]) -> list[psutil.Process]:
    """The node's main process and all below it."""
    holder = holder_of(home)
    if holder is None or holder.pid is None or holder.host:
        missing.append(f"processes.json, stacks.txt: {holder or 'no node runs in this home'}")
        return []
    try:
        main = psutil.Process(holder.pid)
        return [main, *main.children(recursive=True)]
    except psutil.Error as error:
        missing.append(f"processes.json, stacks.txt: {error}")
        return []


def title_of(process: psutil.Process) -> str:
    """What the system calls a process."""
    try:
        return " ".join(process.cmdline()).strip()[:TITLE_CHARS] or process.name()
    except psutil.Error:
        return "(gone)"


def _facts(process: psutil.Process) -> dict[str, Any]:
    try:
        with process.oneshot():
            memory, times = process.memory_info(), process.cpu_times()
            return {
                "pid": process.pid,
                "parent": process.ppid(),
                "title": title_of(process),
                "status": process.status(),
                "threads": process.num_threads(),
                "rss_bytes": memory.rss,
                "cpu_s": round(times.user + times.system, 2),
                "age_s": round(time.time() - process.create_time(), 1),
            }
    except psutil.Error as error:
        return {"pid": process.pid, "error": str(error)}


def _limits(processes: list[psutil.Process]) -> str:
    """What the system allows the main process, and its control group."""
    parts = []
    for process in processes[:1]:
        for name in ("limits", "cgroup", "oom_score"):
            path = Path(f"/proc/{process.pid}/{name}")
            parts.append(f"==== {path}\n{path.read_text()}")
    machine = (Path("/proc/meminfo"), Path("/proc/loadavg"), Path("/proc/sys/fs/file-nr"))
    parts += [f"==== {path}\n{path.read_text()}" for path in machine]
    return "\n".join(parts)


def _listing(home: Home) -> Iterator[str]:
    """The files of the home: modes, sizes, times. Not what is in them."""
    for folder in (home.path, home.config_file.parent, home.data_dir):
        for path in sorted(folder.iterdir()):
            facts = path.lstat()
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(facts.st_mtime))
            mode = stat.filemode(facts.st_mode)
            yield f"{mode} {facts.st_uid}:{facts.st_gid} {facts.st_size:>12} {when} {path.relative_to(home.path)}"


def _versions() -> dict[str, Any]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "?"
    return {
        "peerage": VERSION,
        "python": sys.version,
        "system": " ".join(platform.uname()),
        "processors": os.cpu_count(),
        "libraries": found,
    }


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_BYTES))
        lines = file.read(LOG_BYTES).decode(errors="replace").splitlines()
    return "\n".join(lines[-LOG_LINES:])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2)
