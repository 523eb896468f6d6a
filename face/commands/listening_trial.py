"""Tries the addresses that a node would listen at: each is bound, and given up at once."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from peerage.config.config import Config
from peerage.config.listen_address import ListenAddress
from peerage.supervisors.node.advertised import advertised
from peerage.supervisors.node.errors import ListenError
from peerage.supervisors.node.listening import listen_for_http, listen_for_peers, names_to_listen_on

__all__ = ["Trial", "listening_settings", "try_listening", "who_listens"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it. Attributes: setting, its name; address, as configured; fault, why it cannot be listened at, empty if
    it can; told, the host:port that peers would be told, of `p2p.laddr` alone.
    """

    setting: str
    address: str
    fault: str = ""
    told: str = ""


def listening_settings(config: Config) -> dict[str, str]:
    """The settings that name an address to listen at, those that are off left out."""
    found = {"p2p.laddr": config.p2p.laddr, "rpc.laddr": config.rpc.laddr}
    if config.instrumentation.prometheus:
        found["instrumentation.prometheus_listen_addr"] = config.instrumentation.prometheus_listen_addr
    return {name: address for name, address in found.items() if address}


def try_listening(config: Config) -> list[Trial]:
    """Try each of them. Unix sockets are left alone: trying would replace what is there."""
    settings = listening_settings(config)
    resolve = names_to_listen_on(settings.values(), lambda: False)
    trials = []
    for name, address in settings.items():
        try:
            if name == "p2p.laddr":
                with listen_for_peers(address, resolve) as listener:
                    trials.append(Trial(name, address, told=_told(config, listener)))
            else:
                tcp = ",".join(
                    str(each) for each in ListenAddress.parse_list(address) if each.scheme != "unix"
                )
                for listener in listen_for_http(name, tcp, resolve) if tcp else ():
                    listener.close()
                trials.append(Trial(name, address))
        except ListenError as error:
            port = next((each.port for each in ListenAddress.parse_list(address)), 0)
            trials.append(Trial(name, address, fault=f"{error}{_by(port)}"))
    return trials


def _told(config: Config, listener: socket.socket) -> str:
    """What peers are told; nothing if the port is any that is free, for it will be another one."""
    told = advertised(config, listener)
    port = listener.getsockname()[1]
    is_any = ListenAddress.parse(config.p2p.laddr).port == 0 and told.endswith(f":{port}")
    return "" if is_any else told


def _by(port: int) -> str:
    holders = ", ".join(who_listens(port))
    return f" (taken by {holders})" if holders else ""


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
