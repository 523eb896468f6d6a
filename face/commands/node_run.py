"""Runs a node for as long as the command `peerage start` lives."""

from __future__ import annotations

import os
import shlex
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from peerage.actors.private_memory import close_memory
from peerage.actors.runtime import ActorDeadError, Timeout
from peerage.actors.runtime.log import get_logger, sign_process
from peerage.actors.runtime.processes import prelaunch
from peerage.actors.runtime.processes.title import of_whom, set_title
from peerage.actors.stack_dumps import write_stacks_on_signal
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import load_config
from peerage.commands.printing import print_line
from peerage.commands.reactor_lookup import look_up
from peerage.commands.service_manager import ServiceManager
from peerage.config.config import Config
from peerage.config.errors import ConfigError, OperatorError
from peerage.config.home import Home
from peerage.config.logging import set_up_logging
from peerage.config.node_logging import CHAIN, NODE
from peerage.supervisors.messages import CountChildren
from peerage.supervisors.node.errors import NodeLimitError, OwnNameUnresolvedError
from peerage.supervisors.node.node import (
    ListenError,
    Node,
    NodeFailedError,
    NodeNotRunningError,
    NodeStartError,
    SeedsUnresolvedError,
)
from peerage.supervisors.node.stop_request import StopRequest

log = get_logger("peerage.node")

STDIN = 0
READ_BYTES = 4096

if TYPE_CHECKING:
    from peerage.actors.reactors.reactor import Reactor


def run_node(home: Home, flags: Mapping[str, str], chain: str = "", *, stop_at_eof: bool = False) -> None:
    """Run the node of a home until it is asked to stop, or ends by itself.

    Args: chain, of a seed of several; stop_at_eof, stop when standard input ends, too.
    Raises: MistakeError, FailureError.
    """
    manager = ServiceManager.of(os.environ)
    config = load_config(home, flags, file_needed=True, to_start=True)
    owner = {CHAIN: chain} if chain else {}
    if owner:
        sign_process(owner)
    set_up_logging(config.log_settings, owner)
    if config.peerage.private_memory:
        close_memory()  # the key is read next
    write_stacks_on_signal(config.home.stacks_file)
    with StopRequest() as stop:
        stop.heed_signals()
        if stop_at_eof:
            threading.Thread(target=_await_eof, args=(stop.ask,), name="stdin", daemon=True).start()
        node = _node(config)
        _name_processes(owner | {NODE: config.moniker})
        node.on_end(stop.ask)
        stop.on_signal = node.stop  # which returns at once while the node starts, and `start` does it then
        try:
            node.start()
        except (ListenError, NodeLimitError) as error:
            raise MistakeError(str(error)) from error
        except (SeedsUnresolvedError, OwnNameUnresolvedError, NodeStartError) as error:
            raise FailureError(str(error)) from error
        finally:
            stop.on_signal = None
        try:
            if node.is_running:
                print_line(node.address)
                manager.ready(f"listening, {node.address}")
                stop.on_hangup = partial(_reload, node, config)
            manager.await_stop(stop, partial(_responds, node))
        finally:
            manager.stopping()
            node.stop()
    try:
        node.wait(0)
    except NodeFailedError as error:
        raise FailureError(str(error)) from error


def _await_eof(then: Callable[[], None]) -> None:
    """Whoever has started us with a pipe has ended, or closes it: a node without its keeper must not stay."""
    with suppress(OSError):
        while os.read(STDIN, READ_BYTES):
            pass
    then()


def _name_processes(owner: Mapping[str, str]) -> None:
    """Name this process and the fork server for `ps`: they are this node's, as an embedding program's are not.

    What was called is shown behind the name, as nginx does: operators look for the home in it.
    """
    program = of_whom(prelaunch.TITLE, owner)
    set_title(program, f"root: {shlex.join(sys.argv)}", short="root")
    prelaunch.entitle(program)


def _reload(node: Node, config: Config) -> None:
    """Read the configuration again, and have the node follow it. The log says what came of it."""
    try:
        done = node.reconfigure(config.reread())
    except ConfigError as error:
        for mistake in error.mistakes:
            log.error("configuration not reloaded", mistake=str(mistake))
    except (OperatorError, Timeout, ActorDeadError, NodeNotRunningError) as error:
        log.error("configuration not reloaded", cause=str(error))
    else:
        for warning in done.warnings:
            log.warning("odd configuration", warning=warning)


def _responds(node: Node, seconds: float) -> bool:
    """Whether the root of its supervision tree answers in time."""
    try:
        node.names.supervisor.ask(CountChildren(), timeout=seconds)
    except (Timeout, ActorDeadError):
        return False
    return True


def _node(config: Config) -> Node:
    reactors = load_reactors(config.peerage.reactors)
    try:
        return Node(config, reactors, name="", takes_commands=True)
    except ValueError as error:  # a name or a channel is used twice
        raise MistakeError(f"peerage.reactors: {error}") from error


def load_reactors(specs: tuple[str, ...]) -> dict[str, type[Reactor]]:
    """Import the reactors that are named, as `look_up` finds them.

    Returns: their classes, by what they are called in the node.
    Raises: MistakeError naming the reactor and what is wrong with it.
    """
    reactors: dict[str, type[Reactor]] = {}
    for spec in specs:
        name, found = look_up(spec)
        if name in reactors:
            raise MistakeError(f"reactor {spec!r}: the name {name!r} is taken; another is expected (NAME=…)")
        reactors[name] = found
    return reactors
