"""Tries the addresses that a node would listen at: each is bound, and given up at once."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

import psutil

from peerage.config.config import Config
from peerage.config.errors import ConfigError
from peerage.config.listen_address import ListenAddress
from peerage.supervisors.node.advertised import advertised, advertised_also
from peerage.supervisors.node.errors import ListenError
from peerage.supervisors.node.listening import PeerPlace, listen_for_http, names_to_listen_on
from peerage.wire.net_address import Resolve

__all__ = ["Trial", "listening_settings", "try_listening", "who_listens"]

_TAKEN = os.strerror(errno.EADDRINUSE)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. Attributes: setting, its name; address, as configured; fault, why it cannot be listened at, empty if
    it can; told, what peers would be told, of `p2p.laddr` alone: a host:port, and one for peers of another IP family.
    """

    setting: str
    address: str
    fault: str = ""
    told: tuple[str, ...] = ()


def listening_settings(config: Config) -> dict[str, str]:
    """The settings that name an address to listen at, those that are off left out."""
    also = ",".join(config.peerage.listen_also)
    found = {"p2p.laddr": config.p2p.laddr, "peerage.listen_also": also, "rpc.laddr": config.rpc.laddr}
    if config.instrumentation.prometheus:
        found["instrumentation.prometheus_listen_addr"] = config.instrumentation.prometheus_listen_addr
    return {name: address for name, address in found.items() if address}


def try_listening(config: Config) -> list[Trial]:
    """Try each of them. Unix sockets are left alone: trying would replace what is there."""
    settings = listening_settings(config)
    resolve = names_to_listen_on(settings.values(), lambda: False)
    with ExitStack() as stack:  # all at once, as a node has them: two settings may name one port
        trials, held = _try_peers(config, resolve, stack)
        for name, address in settings.items():
            if name in {"p2p.laddr", "peerage.listen_also"}:
                continue
            tcp = ",".join(str(each) for each in ListenAddress.parse_list(address) if each.scheme != "unix")
            try:
                held += map(stack.enter_context, listen_for_http(name, tcp, resolve) if tcp else ())
            except ListenError as error:
                trials.append(_failed(name, address, error, held))
            else:
                trials.append(Trial(name, address))
    return trials


def _try_peers(config: Config, resolve: Resolve, stack: ExitStack) -> tuple[list[Trial], list[socket.socket]]:
    """The places where peers connect. Returns: what came of each, and the sockets."""
    trials: list[Trial] = []
    listeners: list[socket.socket] = []
    for place in PeerPlace.all_of(config):
        try:
            listeners.append(stack.enter_context(place.listen(resolve)))
        except ListenError as error:
            trials.append(_failed(place.key, place.text, error, listeners))
        else:
            trials.append(Trial(place.key, place.text))
    if len(listeners) == len(trials):
        try:
            trials[0] = replace(trials[0], told=_told(config, listeners))
        except ConfigError as error:
            trials[0] = replace(trials[0], fault=str(error))
    return trials, listeners


def _told(config: Config, listeners: Sequence[socket.socket]) -> tuple[str, ...]:
    """What peers are told; not those whose port is any that is free, for it will be another one."""
    places = PeerPlace.all_of(config)
    ports = {listener.getsockname()[1] for listener in listeners}
    kept = {ListenAddress.parse(place.text).port for place in places}
    passing = tuple(f":{port}" for port in ports - kept)
    told = advertised(config, listeners[0]), *advertised_also(config, listeners)
    return tuple(each for each in told if not each.endswith(passing))


def _failed(name: str, address: str, error: ListenError, held: Iterable[socket.socket]) -> Trial:
    """Args: held, the sockets of those that were tried before."""
    port = next((each.port for each in ListenAddress.parse_list(address)), 0)
    fault = str(error)
    if _TAKEN in error.cause:
        is_ours = any(listener.getsockname()[1] == port for listener in held)
        holders = "another of this node's addresses" if is_ours else ", ".join(who_listens(port))
        fault += f" (taken by {holders})" if holders else ""
    return Trial(name, address, fault=fault)


def who_listens(port: int) -> Iterator[str]:
    """The processes that listen at a port: those that this user may see."""
    with suppress(psutil.Error, OSError):
        pids = {
            link.pid
            for link in psutil.net_connections("tcp")
            if port
            and link.status == psutil.CONN_LISTEN
            and link.laddr
            and link.laddr.port == port
            and link.pid
        }
        for pid in sorted(pids):
            with suppress(psutil.Error):
                yield f"process {pid}, {psutil.Process(pid).name()}"
