"""A node behind real load balancers: `python -m tests.interop.balancers`, where `haproxy` and `nginx` are installed.

Each balancer sends the PROXY header as its operator sets it. CometBFT's peers and ours come in through it from several
addresses, and every one must be counted as what it is. The balancer's health checks must be no news.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from peerage import Node
from peerage.testing import loopback_config
from tests.bench.blocking_peer import BlockingPeer
from tests.interop.gopeer import GoPeer
from tests.nodes import EchoReactor, net_info, wait_until

PATIENCE_S = 20.0
BALANCER = "127.0.0.1"  # that it connects from; its clients come from elsewhere
CLIENTS = ("127.5.0.1", "127.6.0.1", "127.7.0.1")

HAPROXY = """
defaults
  mode tcp
  timeout connect 3s
  timeout client 1m
  timeout server 1m
frontend peers
  bind 127.0.0.1:{front}
  default_backend node
backend node
  source 127.0.0.1
  server node {back} {options}
"""
NGINX = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid {home}/nginx.pid;
error_log stderr;
events {{}}
stream {{
  server {{
    listen 127.0.0.1:{front};
    proxy_bind 127.0.0.1;
    proxy_pass {back};
    proxy_protocol on;
    proxy_timeout 1m;
  }}
}}
"""


class Case(NamedTuple):
    """Args: program; template, of its configuration; options, of the server in it."""

    program: str
    template: str
    options: str = ""


CASES = (
    Case("haproxy", HAPROXY, "send-proxy"),
    Case("haproxy", HAPROXY, "send-proxy-v2"),
    Case("haproxy", HAPROXY, "send-proxy-v2 proxy-v2-options unique-id,crc32c check inter 200ms"),
    Case("haproxy", HAPROXY, "send-proxy check inter 200ms check-send-proxy"),
    Case("nginx", NGINX),
)


@contextmanager
def balancer(case: Case, back: str, home: Path) -> Iterator[int]:
    """Run one. Returns: the port where clients come in."""
    with socket.create_server((BALANCER, 0)) as spare:
        front = spare.getsockname()[1]
    file = home / "balancer.cfg"
    file.write_text(case.template.format(front=front, back=back, options=case.options, home=home))
    file.chmod(0o644)
    flags = ["-db", "-f", str(file)] if case.program == "haproxy" else ["-p", str(home), "-c", str(file)]
    process = subprocess.Popen([case.program, *flags], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _listens(front), PATIENCE_S, f"{case.program} to listen")
        yield front
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((BALANCER, port)) == 0


def check(case: Case) -> None:
    """Raises: AssertionError, a peer is not counted as what it is."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        config = loopback_config(
            home / "node", p2p={"allow_duplicate_ip": False}, peerage={"proxy_protocol_from": BALANCER}
        )
        node = stack.enter_context(Node(config, {"ECHO": EchoReactor}))
        node_id, _, back = node.address.partition("@")
        front = stack.enter_context(balancer(case, back, home))
        address = f"{node_id}@{BALANCER}:{front}"
        peers = {
            stack.enter_context(BlockingPeer(address, PATIENCE_S, source)).id: source for source in CLIENTS
        }
        wait_until(lambda: _ips(node) == peers, PATIENCE_S)
        real = stack.enter_context(GoPeer(network="test"))
        real.dial(address)  # from the balancer's own address, which it names
        wait_until(lambda: _ips(node) == peers | {real.id: BALANCER}, PATIENCE_S)


def _ips(node: Node) -> dict[str, str]:
    return {peer.node_info.id: peer.remote_ip for peer in net_info(node).peers}


def parser() -> argparse.ArgumentParser:
    """Of the command's arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.balancers", description=__doc__)
    parser.add_argument("--only", choices=sorted({case.program for case in CASES}), help="one program alone")
    return parser


def main() -> int:
    """Check all whose program is here, with a line for each. Returns: the exit code."""
    only = parser().parse_args().only
    cases = [case for case in CASES if only in {None, case.program}]
    missing = {case.program for case in cases if shutil.which(case.program) is None}
    for case in cases:
        name = f"{case.program} {case.options or 'proxy_protocol on'}"
        if case.program in missing:
            print(f"{name}: not installed")
            continue
        check(case)
        print(f"{name}: all peers are counted by their own addresses", flush=True)
    return 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
