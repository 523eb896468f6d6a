"""The RPC actor between its clients and the switch."""

import asyncio
import itertools
import json
import random
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.calls import BookCall
from peerage.actors.http.listening import GetAddresses, ListenFailedError
from peerage.actors.messages import GetPrivatePeers, PrivatePeers
from peerage.actors.rpc.rpc import RpcActor, SwitchBackend, SwitchUnavailableError
from peerage.actors.rpc.settings import RpcSettings
from peerage.actors.runtime import (
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    Future,
    ProcessActor,
    System,
    Timeout,
    watch,
)
from peerage.actors.snapshot import DialPeers, DialSeeds, GetNetInfo, GetStatus
from peerage.config.node_socket import connect_to_node, listen_for_commands
from peerage.testing import wait_until
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO, RECORDED_STATUS

ANY_PORT = "tcp://127.0.0.1:0"
SEED = f"{'03' * 20}@127.0.0.1:1"
PRIVATE = "0a" * 20
_numbers = itertools.count()


class FakeSwitch(ProcessActor):
    """Answers as the switch does, and as the address book; told "be silent" it never answers again."""

    def __init__(self) -> None:
        super().__init__()
        self.is_silent = False
        self.deferred = 0
        self.dialled: list[Any] = []
        self.book = AddrBook(clock=time.time, rng=random.Random(1))

    def on_receive(self, message: Any) -> Any:
        if message == "be silent":
            self.is_silent = True
        elif message == "dialled":
            return self.dialled
        elif message == "deferred":
            return self.deferred
        elif self.is_silent:
            self.deferred += 1
            self.runtime.defer()
        elif isinstance(message, BookCall):
            return message.perform(self.book)
        elif isinstance(message, GetPrivatePeers):
            return PrivatePeers(frozenset({PRIVATE}))
        elif isinstance(message, GetNetInfo):
            return RECORDED_NET_INFO
        elif isinstance(message, GetStatus):
            return RECORDED_STATUS
        elif isinstance(message, DialSeeds | DialPeers):
            if "bad" in message.addresses[0]:
                raise ValueError("port 'bad' is not a number from 0 to 65535")
            self.dialled.append(message)
        return None


class Node:
    """A fake switch and an RPC actor for it."""

    def __init__(self, place: Any = THREAD, **settings: Any) -> None:
        number = next(_numbers)
        self.switch_name = f"rpc-test-switch-{number}"
        self.name = f"rpc-test-{number}"
        self.settings = RpcSettings(**{"laddr": ANY_PORT, "unsafe": True, **settings})
        self.started: list[Any] = []
        self.switch = self.start_switch()
        self.rpc = self.start_rpc(place)
        (self.address,) = self.rpc.ask(GetAddresses())

    def start_switch(self) -> ActorRef[FakeSwitch]:
        switch = FakeSwitch.options(name=self.switch_name).start()
        self.started.append(switch)
        return switch

    def start_rpc(self, place: Any, fds: dict[str, int] | None = None) -> ActorRef[RpcActor]:
        rpc = RpcActor.options(name=self.name, place=place, fds=fds).start(
            self.switch, self.switch, self.settings
        )
        self.started.append(rpc)
        return rpc

    def get(self, target: str) -> tuple[int, Any]:
        url = self.address.replace("tcp://", "http://") + target
        try:
            with urllib.request.urlopen(url, timeout=10.0) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def stop(self) -> None:
        for ref in reversed(self.started):
            if ref.is_alive():
                ref.stop()


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """Those that a test adds are stopped after it."""
    started: list[Node] = []
    yield started
    for node in started:
        node.stop()


@pytest.mark.parametrize("place", [THREAD, PROCESS])
def test_questions_reach_the_switch_and_answers_the_client(nodes: list[Node], place: Any) -> None:
    """Wherever the actor lives: all methods, over a real connection."""
    node = Node(place)
    nodes.append(node)
    assert node.get("/health") == (200, {"jsonrpc": "2.0", "id": -1, "result": {}})
    status, answer = node.get("/net_info")
    assert (status, answer["result"]["n_peers"]) == (200, "2")
    status, answer = node.get("/status")
    assert (status, answer["result"]["node_info"]["moniker"]) == (200, "ours")
    assert node.get(f"/dial_seeds?seeds=[%22{SEED}%22]")[0] == 200
    assert node.get(f"/dial_peers?peers=[%22{SEED}%22]&persistent=true")[0] == 200
    assert node.switch.ask("dialled") == [DialSeeds((SEED,)), DialPeers((SEED,), True, False, False)]


def test_bans_are_made_listed_and_ended_and_private_peers_are_not_named(nodes: list[Node]) -> None:
    """By the address book, whose errors are told."""
    node = Node()
    nodes.append(node)
    for subject in ("9.9.9.0/24", PRIVATE):
        assert node.get(f'/ban?subject="{subject}"&duration="1h"')[1]["result"]["subject"] == subject
    listed = node.get("/bans")[1]["result"]
    assert [ban["subject"] for ban in listed["bans"]] == ["9.9.9.0/24"]
    assert node.get('/unban?subject="9.9.9.0/24"')[1]["result"]["log"].startswith("9.9.9.0/24")
    assert "is not banned" in node.get('/unban?subject="9.9.9.0/24"')[1]["error"]["data"]
    assert "is neither a node ID" in node.get('/ban?subject="nobody"')[1]["error"]["data"]


def test_the_nodes_own_socket_serves_everything_and_hides_nobody(nodes: list[Node], tmp_path: Path) -> None:
    """Whatever is allowed elsewhere. It comes back with the actor, and ends with it."""
    path = tmp_path / "node.sock"
    node = Node(unsafe=False)
    nodes.append(node)
    node.rpc.stop()
    with listen_for_commands(path) as listener:
        for _ in range(2):
            rpc = node.start_rpc(PROCESS, {"control-0": listener.fileno()})
            (node.address,) = rpc.ask(GetAddresses())
            assert node.get("/bans")[0] == 200
            with pytest.raises(json.JSONDecodeError):  # 404, plain text
                node.get('/ban?subject="9.9.9.9"')
            assert command(path, "ban", PRIVATE)["subject"] == PRIVATE
            assert [ban["subject"] for ban in command(path, "bans")["bans"]] == [PRIVATE]
            assert "not banned any more" in command(path, "unban", PRIVATE)["log"]
            rpc.stop()
            wait_until(lambda: node.name not in [host.name for host in System.current().hosts()])


def test_when_that_socket_is_served_no_more_its_actor_ends_too(nodes: list[Node], tmp_path: Path) -> None:
    """So that its supervisor, which knows nothing of the other, starts both anew."""
    node = Node()
    nodes.append(node)
    node.rpc.stop()
    with listen_for_commands(tmp_path / "node.sock") as listener:
        rpc = node.start_rpc(PROCESS, {"control-0": listener.fileno()})
        down = watch(rpc)
        ActorRef.to(f"{node.name}/control", node.name).stop()
        assert f"{node.name}/control ended" in down.wait(10.0).text


def command(path: Path, method: str, *params: str) -> Any:
    """Call a method over the socket, by the parameters' places."""
    places = [*params, "", ""] if method == "ban" else list(params)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": places}).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with connect_to_node(path, 10.0) as client:
        client.sendall(head.encode() + body)
        with client.makefile("rb") as answer:
            return json.loads(answer.read().partition(b"\r\n\r\n")[2])["result"]


def test_error_of_the_switch_is_told(nodes: list[Node]) -> None:
    """What the switch raises is the caller's `error.data`."""
    node = Node()
    nodes.append(node)
    status, answer = node.get("/dial_seeds?seeds=[%22bad@%22]")
    assert status == 500
    assert answer["error"]["code"] == -32603
    assert "port 'bad' is not a number" in answer["error"]["data"]


def test_dead_switch_is_an_error_at_once_until_it_is_back(nodes: list[Node]) -> None:
    """No hanging, and the same RPC actor reaches the successor by its name."""
    node = Node()
    nodes.append(node)
    down = watch(node.switch)
    node.switch.kill()
    down.wait(20.0)
    status, answer = node.get("/net_info")
    assert status == 500
    assert answer["error"]["data"] == "the switch is not running (it may be restarting)"
    node.start_switch()
    assert node.get("/net_info")[0] == 200


def test_switch_that_dies_amid_a_question_is_an_error_at_once(nodes: list[Node]) -> None:
    """The error is that of the death, not that of the timeout."""
    node = Node(ask_timeout_s=60.0)
    nodes.append(node)
    node.switch.ask("be silent")
    answers: list[tuple[int, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(node.get("/status")))
    asking.start()
    while not node.switch.ask("deferred"):
        pass  # until the question has reached the switch
    node.switch.kill()
    asking.join()
    ((status, answer),) = answers
    assert status == 500
    assert answer["error"]["data"] == "the switch is not running (it may be restarting)"


def test_silent_switch_is_an_error_after_the_timeout(nodes: list[Node]) -> None:
    """And other questions can be asked meanwhile."""
    node = Node(ask_timeout_s=0.2)
    nodes.append(node)
    node.switch.ask("be silent")
    status, answer = node.get("/status")
    assert status == 500
    assert answer["error"]["data"] == "the switch did not answer within 0.2 s"


def test_actor_hears_its_mailbox_while_it_serves(nodes: list[Node]) -> None:
    """A request that waits for the switch does not keep the actor from answering or stopping."""
    node = Node(ask_timeout_s=60.0)
    nodes.append(node)
    node.switch.ask("be silent")
    host, _, port = node.address.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5.0) as client:
        client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert node.rpc.ask(GetAddresses(), timeout=30.0) == (node.address,)
        assert node.rpc.stop(timeout=30.0)  # half of what the request waits


def test_stop_leaves_neither_thread_nor_port(nodes: list[Node]) -> None:
    """In the calling process nothing of the server remains."""
    node = Node()
    nodes.append(node)
    node.get("/health")
    assert any(thread.name.startswith("peerage-http-") for thread in threading.enumerate())
    node.rpc.stop()
    assert not any(thread.name.startswith("peerage-http-") for thread in threading.enumerate())
    with pytest.raises(urllib.error.URLError, match="refused"):
        node.get("/health")


def test_dead_server_ends_the_actor(nodes: list[Node]) -> None:
    """So that its supervisor starts a new one."""

    class Doomed(RpcActor):
        def on_receive(self, message: Any) -> Any:
            if message == "break":
                assert self._server is not None
                self._server._server.request_stop()
                return None
            return super().on_receive(message)

    node = Node()
    nodes.append(node)
    doomed = Doomed.options(name=f"{node.name}-doomed", place=THREAD).start(
        node.switch, node.switch, node.settings
    )
    (node.address,) = doomed.ask(GetAddresses())
    assert node.get("/health")[0] == 200  # by now there is a server
    down = watch(doomed)
    doomed.tell("break")
    assert "HTTP server ended" in down.wait(20.0).text


def test_restart_keeps_the_port_of_a_passed_socket(nodes: list[Node]) -> None:
    """The root holds the listening socket: who connects while RPC is dead is served by its successor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        node = Node()
        nodes.append(node)
        node.rpc.stop()
        first = node.start_rpc(PROCESS, {"rpc": listener.fileno()})
        assert first.ask(GetAddresses()) == (f"tcp://127.0.0.1:{port}",)
        node.address = f"tcp://127.0.0.1:{port}"
        assert node.get("/health")[0] == 200
        down = watch(first)
        first.kill()
        down.wait(20.0)
        with socket.create_connection(("127.0.0.1", port), timeout=10.0) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            node.start_rpc(PROCESS, {"rpc": listener.fileno()})
            assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_port_in_use_keeps_the_actor_from_starting() -> None:
    """The operator reads which address, and why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        laddr = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ListenFailedError, match=f"^cannot listen at {laddr}: Address already in use$"):
            RpcActor.options(name="rpc-test-in-use", place=THREAD).start(
                ActorRef.to("nobody"), ActorRef.to("nobody"), RpcSettings(laddr)
            )


class FakeRef:
    """Stands in for the switch's ref: counts questions, answers them all when told."""

    def __init__(self) -> None:
        self.questions: list[Any] = []
        self.futures: list[Future[Any]] = []
        self.answer: Any = None  # given at once, if there is one

    async def ask_async(self, message: Any, **how: float) -> Any:
        assert how["timeout"] > 0
        self.questions.append(message)
        future: Future[Any] = Future()
        if isinstance(self.answer, Exception):
            future.set_exception((type(self.answer), self.answer, None))
        elif self.answer is not None:
            future.set(self.answer)
        self.futures.append(future)
        return await future


def test_questions_at_once_share_an_answer() -> None:
    """A thousand pollers cost the switch one question; the next is asked anew; who leaves harms nobody."""

    async def run() -> None:
        ref = FakeRef()
        backend = SwitchBackend(ref, ref)  # type: ignore[arg-type] # a stand-in
        asking = [asyncio.create_task(backend.status()) for _ in range(1000)]
        health = asyncio.create_task(backend.health())
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        ref.answer = RECORDED_STATUS
        ref.futures[0].set(ref.answer)
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [RECORDED_STATUS] * 999
        await health
        assert ref.questions == [GetStatus()]
        await backend.status()
        assert ref.questions == [GetStatus()] * 2

    asyncio.run(run())


def test_errors_of_the_runtime_are_put_in_words() -> None:
    """Death and silence of the switch, for every method."""

    async def run(error: Exception) -> list[str]:
        ref = FakeRef()
        ref.answer = error
        backend = SwitchBackend(ref, ref, 2.0)  # type: ignore[arg-type] # a stand-in
        texts = []
        for question in (
            backend.health(),
            backend.net_info(),
            backend.status(),
            backend.dial_seeds((SEED,)),
            backend.dial_peers((SEED,), persistent=False, unconditional=False, private=False),
        ):
            with pytest.raises(SwitchUnavailableError) as caught:
                await question
            texts.append(str(caught.value))
        return texts

    assert set(asyncio.run(run(ActorDeadError("x")))) == {"the switch is not running (it may be restarting)"}
    assert set(asyncio.run(run(Timeout("x")))) == {"the switch did not answer within 2 s"}
