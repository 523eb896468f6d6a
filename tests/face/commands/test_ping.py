"""peerage ping: who is there, or exactly why not."""

from __future__ import annotations

import importlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from click.testing import Result

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.peers.handshake import Handshake
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo
from tests.face.command_line import run
from tests.interop.conftest import StartGoPeer
from tests.nodes import StartNode, wait_until

NOBODY = "0" * 39 + "1"
LABELS = ["id", "moniker", "network", "version", "listens", "channels", "tcp", "handshake", "steps", "ping"]


def fields(result: Result) -> dict[str, str]:
    """What was printed, by label."""
    return dict(line.split(maxsplit=1) for line in result.stdout.splitlines())


def failure(result: Result) -> str:
    """The one line of a failure."""
    assert result.exit_code == 1, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@contextmanager
def server(*serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one connection after the other, each in its own way; yields the address to ping."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)

        def accept() -> None:
            for each in serve:
                connection, _ = listener.accept()
                with connection, suppress(ConnectionError):
                    connection.settimeout(10.0)
                    each(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"{NOBODY}@127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10.0)


def test_says_who_is_there(start_node: StartNode) -> None:
    """ID, moniker, network, version, channels, and how long each step took; exit code 0."""
    node = start_node(moniker="mona")
    result = run("ping", node.address)
    assert result.exit_code == 0, result.output
    found = fields(result)
    assert list(found) == LABELS
    assert (found["id"], found["moniker"], found["network"]) == (node.node_id, "mona", "test")
    assert found["channels"] == "0x50 0x51"
    assert all(found[label].endswith(" ms") for label in ("tcp", "handshake", "ping"))


@pytest.mark.timeout(600)
def test_says_who_is_there_when_it_is_cometbft(go_peer: StartGoPeer) -> None:
    """A CometBFT peer is shown in the same way."""
    peer = go_peer(moniker="gopher", network="net")
    result = run("ping", peer.address, "--network", "net")
    assert result.exit_code == 0, result.output
    found = fields(result)
    assert (found["id"], found["moniker"], found["network"]) == (peer.id, "gopher", "net")


@pytest.mark.timeout(600)
def test_a_seed_is_told_from_other_nodes(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """A seed hangs up when it has answered a request for addresses: CometBFT's and ours alike."""
    known = start_node(p2p={"pex": True})
    ours = start_node({}, p2p={"pex": True, "seed_mode": True})
    theirs = go_peer(pex=True, seed_mode=True)
    plain = go_peer(pex=True)
    # A seed answers when it knows somebody. Told by its own seeds, CometBFT's would do so half a minute later.
    somebody = NetAddress.parse(known.address)
    BookClient(ours.names.addrbook).call(AddrBook.add, somebody, somebody)
    theirs.call("book_add", address=known.address)

    def seeds() -> list[object]:
        found = json.loads(run("ping", ours.address, theirs.address, plain.address, "--json").stdout)
        return [answer["seed"] for answer in found]

    # CometBFT's nodes are asked again too soon for some seconds.
    wait_until(lambda: seeds() == [True, True, False], timeout=60.0)


def test_several_addresses_are_a_row_each_and_the_worst_is_the_exit_code(start_node: StartNode) -> None:
    """All at once: who does not answer holds up nobody."""
    node = start_node(moniker="mona")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"{NOBODY}@127.0.0.1:{listener.getsockname()[1]}"
    result = run("ping", node.address, nobody, node.address)
    assert result.exit_code == 1
    head, first, second = result.stdout.splitlines()
    assert head.split()[:5] == ["ADDRESS", "VERDICT", "MONIKER", "NETWORK", "VERSION"]
    assert first.split()[:4] == [node.address, "ok", "mona", "test"]
    assert second.split()[:2] == [nobody, "unreachable"]
    assert result.stderr == f"Error: {nobody}: unreachable: Connection refused\n"


def test_json_is_a_list_of_objects(start_node: StartNode) -> None:
    """Also for a single address."""
    node = start_node(moniker="mona")
    (answer,) = json.loads(run("ping", node.address, "--json").stdout)
    assert (answer["address"], answer["verdict"], answer["detail"]) == (node.address, "ok", "")
    assert (answer["node"]["id"], answer["node"]["moniker"]) == (node.node_id, "mona")
    assert answer["node"]["channels"] == [0x50, 0x51]
    assert list(answer["milliseconds"]) == ["tcp", "keys", "id", "node_info", "ping"]


def test_what_is_there_instead_of_a_node_is_in_the_json() -> None:
    """Its protocol, and its first bytes."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        connection.recv(4096)

    with server(serve) as address:
        (answer,) = json.loads(run("ping", address, "--json").stdout)
    assert (answer["verdict"], answer["speaks"]) == ("other protocol", "SSH")
    assert answer["first_bytes"] == "SSH-2.0-OpenSSH_9.2p1\r\n"


def test_a_name_that_is_not_found_costs_the_others_nothing(start_node: StartNode) -> None:
    """It is told at the end; an address that is none stops the command before anybody is called."""
    node = start_node()
    result = run("ping", f"{NOBODY}@no.such.invalid:1", node.address, "--json")
    assert result.exit_code == 1
    assert [answer["verdict"] for answer in json.loads(result.stdout)] == ["name not found", "ok"]
    assert "host 'no.such.invalid' was not found" in result.stderr


def resolved_to(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    """All names have these addresses."""
    module = importlib.import_module("peerage.commands.ping")
    monkeypatch.setattr(module, "resolved_within", lambda _timeout, _hosts: lambda _host: ips)


def test_a_name_is_called_at_all_its_addresses_until_the_node_answers(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a node dials it."""
    node = start_node()
    address = f"{node.node_id}@seed.example.org:{node.address.rpartition(':')[2]}"
    resolved_to(monkeypatch, "127.0.0.2", "127.0.0.1")  # nobody is at the first
    result = run("ping", address)
    assert result.exit_code == 0, result.output
    found = fields(result)
    assert (found["id"], found["ip"]) == (node.node_id, "127.0.0.1")
    assert list(found) == [*LABELS[:6], "ip", "dns", *LABELS[6:]]
    (answer,) = json.loads(run("ping", address, "--json").stdout)
    assert (answer["ip"], answer["verdict"]) == ("127.0.0.1", "ok")


def test_where_somebody_else_is_at_one_address_of_a_name_the_next_is_called(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no other has the node, the verdict is of who came furthest, and all are told."""
    one = start_node()
    port = one.address.rpartition(":")[2]
    resolved_to(monkeypatch, "127.0.0.2", "127.0.0.1")
    result = run("ping", f"{NOBODY}@seed.example.org:{port}")
    told = failure(result)
    assert f"auth failure: 127.0.0.2:{port}: Connection refused; 127.0.0.1:{port}: " in told
    assert one.node_id in told


def test_a_hostile_node_gets_a_line_a_field() -> None:
    """What it says about itself is cut and escaped, so that it can neither control nor flood a terminal."""
    key = NodeKey.generate()
    hostile = NodeInfo(
        id=key.node_id,
        listen_addr="tcp://127.0.0.1:1",
        network="\x1b[2J\udcff\n" * 600,
        version="v" * 2000,
        moniker="m" * 2000,
        channels=b"\x50",
    )

    def serve(connection: socket.socket) -> None:
        shake = Handshake(key, hostile)
        done = False
        while not done:
            connection.sendall(shake.data_to_send())
            done = shake.receive_data(connection.recv(4096))
        connection.sendall(shake.data_to_send())

    with server(serve) as address:
        result = run("ping", address.replace(NOBODY, key.node_id))
    found = fields(result)
    assert list(found)[:7] == LABELS[:7]
    assert all(len(line) <= 240 and line.isprintable() for line in result.output.splitlines())


def test_leaves_no_peer_behind(start_node: StartNode) -> None:
    """After twenty pings a node has room for all of them again, and no peer."""
    node = start_node(p2p={"max_num_inbound_peers": 5})
    for _ in range(20):
        assert run("ping", node.address).exit_code == 0
    wait_until(lambda: node.peers() == [])


def test_wrong_id_is_told(start_node: StartNode) -> None:
    """Both IDs: the one that we dialled and the one that answered."""
    node = start_node()
    address = f"{NOBODY}@{node.address.partition('@')[2]}"
    assert failure(run("ping", address)) == (
        f"Error: {address}: auth failure: dialled {NOBODY}, but {node.node_id} answered"
    )


def test_wrong_network_is_told(start_node: StartNode) -> None:
    """Both networks."""
    node = start_node()
    text = failure(run("ping", node.address, "--network", "other"))
    assert text == f"Error: {node.address}: incompatible: the peer is on network 'test', we are on 'other'"


def test_nobody_there_is_told() -> None:
    """Connection refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(run("ping", f"{NOBODY}@127.0.0.1:{port}")).endswith("unreachable: Connection refused")


def test_full_node_is_told(start_node: StartNode) -> None:
    """It closes without a word, so the message says what that may mean."""
    node = start_node(p2p={"max_num_inbound_peers": 0})
    text = failure(run("ping", node.address))
    assert "refused: the node closed the connection during the handshake: it is full" in text


@pytest.mark.timeout(600)
def test_full_cometbft_node_is_told(go_peer: StartGoPeer) -> None:
    """It accepts the connection and says nothing until it has room."""
    peer = go_peer(max_num_inbound_peers=1)
    other = go_peer()
    other.dial(peer.address)
    text = failure(run("ping", peer.address, "--timeout", "1s"))
    assert (
        text
        == f"Error: {peer.address}: no word within 1 s: the node is full or hangs, or something else is there"
    )


def test_node_that_bars_us_after_the_handshake_is_shown_all_the_same(start_node: StartNode) -> None:
    """By then it is known who the node is."""
    node = start_node(options={"peer_filters": (bar,)})
    result = run("ping", node.address)
    assert "refused: the node closed the connection right after the handshake" in failure(result)
    assert list(fields(result)) == LABELS[:-1]


def bar(_peer: object) -> str:
    """A peer filter that accepts nobody."""
    return "closed today"


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10,
        b"\x00" * 4096,
        b"\xff" * 4096,
        b"SSH-2.0-OpenSSH_9.2p1\r\n" * 100,
    ],
    ids=["http", "zeros", "ones", "ssh"],
)
def test_something_else_there_is_told(garbage: bytes) -> None:
    """An HTTP server, an SSH server, noise: one line, no traceback."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(garbage)
        while connection.recv(4096):
            pass

    with server(serve) as address:
        text = failure(run("ping", address, "--timeout", "5s"))
    assert "auth failure" in text or "refused" in text or "other protocol: the remote speaks " in text


def test_noise_never_ends_in_a_traceback() -> None:
    """Random bytes, and a hang-up half-way."""
    for size in (1, 33, 35, 36, 100, 1100):

        def serve(connection: socket.socket, size: int = size) -> None:
            connection.sendall(os.urandom(size))

        with server(serve) as address:
            failure(run("ping", address, "--timeout", "5s"))


def test_silent_server_is_told_within_the_time() -> None:
    """It accepts the connection and says nothing."""
    told = threading.Event()

    def serve(_connection: socket.socket) -> None:
        told.wait(10.0)

    with server(serve) as address:
        text = failure(run("ping", address, "--timeout", "300ms"))
        told.set()
    assert "no word within 0.3 s" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("foo",), "there is no node ID, expected ID@host:port"),
        (("12@127.0.0.1:1",), "ID '12' is not 40 hexadecimal characters"),
        ((f"{NOBODY}@127.0.0.1",), "port"),
        ((f"{NOBODY}@127.0.0.1:99999",), "port '99999' is not a number from 0 to 65535"),
        ((f"{NOBODY}@127.0.0.1:1", "--timeout", "soon"), "--timeout: found 'soon', allowed: a duration"),
        ((f"{NOBODY}@127.0.0.1:1", "--timeout", "0s"), "--timeout: found '0s', allowed: a duration"),
        ((f"{NOBODY}@127.0.0.1:1", "--timeout", "-1s"), "--timeout: found '-1s', allowed: a duration"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], told: str) -> None:
    """What was given and what is expected; exit code 2."""
    result = run("ping", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_pings_with_a_key_of_its_own(start_node: StartNode) -> None:
    """The node's own key is never used, so a node can be pinged from its own home."""
    key = NodeKey.generate()
    node = start_node(node_key=key)
    assert run("ping", node.address).exit_code == 0


def hang_up(connection: socket.socket) -> None:
    """As a server does that does not like our key, before it has said anything."""
    connection.recv(1)


def test_who_hangs_up_over_our_key_is_listened_to_once_more() -> None:
    """Tendermint v0.33 may do so before it has sent its own key, which it sends unasked."""
    with server(hang_up, lambda connection: connection.sendall(b"\x21\x20" + bytes(32))) as address:
        assert "the remote speaks Tendermint before v0.34 (amino)" in failure(run("ping", address))


def test_a_tls_server_that_hangs_up_without_a_word_is_told() -> None:
    """OpenSSL's servers send no alert in response to something that is not TLS, but they answer a TLS client."""

    def alert(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(bytes.fromhex("15030300020228"))  # fatal: handshake failure

    with server(hang_up, hang_up, alert) as address:
        assert "other protocol: the remote speaks TLS" in failure(run("ping", address))


def test_who_says_nothing_at_all_is_not_guessed_at() -> None:
    """A node that is full behaves in the same way."""
    with server(hang_up, hang_up, hang_up, hang_up) as address:
        assert "refused: the node closed the connection during the handshake" in failure(run("ping", address))


def test_who_says_something_else_and_hangs_up_is_not_taken_for_a_full_node() -> None:
    """A mail server greets and leaves; its greeting is shown, since we have no name for its protocol."""

    def greet(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example.org ESMTP\r\n")
        connection.recv(4096)

    with server(greet) as address:
        text = failure(run("ping", address))
    assert "refused" not in text
    assert "began with b'220 mail.example.org ESM', which is no key exchange" in text


def test_quic_on_the_port_where_tcp_is_refused_is_told() -> None:
    """A node with libp2p listens on UDP alone; when asked, a QUIC server says which versions it speaks."""

    def answer(sock: socket.socket) -> None:
        packet, remote = sock.recvfrom(2048)
        assert len(packet) >= 1200
        theirs, ours = packet[6:14], packet[15:23]
        sock.sendto(b"\xe7\0\0\0\0\x08" + ours + b"\x08" + theirs + b"\0\0\0\1", remote)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(10.0)
        thread = threading.Thread(target=answer, args=(sock,), daemon=True)
        thread.start()
        result = run("ping", f"{NOBODY}@127.0.0.1:{sock.getsockname()[1]}")
        thread.join(10.0)
    assert "unreachable: Connection refused; QUIC is spoken on UDP there" in failure(result)
