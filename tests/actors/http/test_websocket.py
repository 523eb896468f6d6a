"""actors/http/websocket.py: messages, time and memory of one WebSocket, over a transport that is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from peerage.actors.http.handover import HandedOver
from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.pending_bytes import FREE_BYTES, PendingBytes, Share
from peerage.actors.http.websocket import LINGER_S, SocketLimits, WebSocket

LIMITS = SocketLimits(max_message_bytes=1000)


class FakeTransport:
    """Keeps what is written, until it has ended."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_reading = self.is_aborted = self.is_eof = self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_eof
        self.written += data

    def write_eof(self) -> None:
        self.is_eof = True

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def is_closing(self) -> bool:
        return self.is_closed or self.is_aborted

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class Connection:
    """A WebSocket and its client, at a time that stands still."""

    def __init__(
        self,
        on_message: Callable[[bytes], Awaitable[bytes | None]] | None = None,
        limits: SocketLimits = LIMITS,
        room: int = 1 << 20,
    ) -> None:
        self.now = 1000.0
        loop = asyncio.get_running_loop()
        loop.time = lambda: self.now  # type: ignore[method-assign]
        self.transport = FakeTransport()
        self.pending = PendingBytes(room)
        self.forgotten = 0
        self.asked: list[bytes] = []
        handed = HandedOver(cast("Any", self.transport), Share(self.pending), HttpLimits(), self._forget)
        self.socket = WebSocket(handed, limits, on_message or self._echo)
        self.client = Protocol(CLIENT, max_size=None)
        self.socket.begin()

    def _forget(self) -> None:
        self.forgotten += 1

    async def _echo(self, message: bytes) -> bytes | None:
        self.asked.append(message)
        return None if message == b"no answer" else b"> " + message

    def send(self) -> None:
        """What the client has said since the last time, as one piece."""
        self.socket.data_received(b"".join(self.client.data_to_send()))

    async def said(self) -> list[Frame]:
        """What the server has written since the last time."""
        for _ in range(20):
            await asyncio.sleep(0)
        self.client.receive_data(bytes(self.transport.written))
        self.transport.written.clear()
        return [frame for frame in self.client.events_received() if isinstance(frame, Frame)]

    async def texts(self) -> list[bytes]:
        return [bytes(frame.data) for frame in await self.said() if frame.opcode is Opcode.TEXT]

    def reads(self) -> bool:
        return self.transport.is_reading

    @property
    def closed_with(self) -> int | None:
        goodbye = self.client.close_rcvd
        return None if goodbye is None else int(goodbye.code)

    async def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for _ in range(3):
            await asyncio.sleep(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await test()

    asyncio.run(whole())


def test_messages_are_answered_in_their_order() -> None:
    """Text or binary, in one piece or in many; the answers are texts."""

    async def test() -> None:
        connection = Connection()
        connection.client.send_text(b"one")
        connection.client.send_binary(b"two")
        connection.client.send_text(b"th", fin=False)
        connection.client.send_continuation(b"r", fin=False)
        connection.client.send_ping(b"in between")
        connection.client.send_continuation(b"ee", fin=True)
        connection.client.send_text(b"no answer")
        connection.client.send_text(b"", fin=False)
        connection.client.send_continuation(b"", fin=True)
        connection.send()
        assert await connection.texts() == [b"> one", b"> two", b"> three", b"> "]

    run(test)


def test_bytes_may_come_one_by_one() -> None:
    """A frame is whole when its last byte is there."""

    async def test() -> None:
        connection = Connection()
        connection.client.send_text(b"hello")
        for byte in b"".join(connection.client.data_to_send()):
            connection.socket.data_received(bytes((byte,)))
        assert await connection.texts() == [b"> hello"]

    run(test)


def test_nothing_is_read_while_an_answer_is_made() -> None:
    """One message at a time is all that a client makes us work on."""

    async def test() -> None:
        gate = asyncio.Event()

        async def wait(message: bytes) -> bytes:
            await gate.wait()
            return message

        connection = Connection(wait)
        assert connection.reads()
        connection.client.send_text(b"slow")
        connection.send()
        assert await connection.texts() == []
        assert not connection.reads()
        gate.set()
        assert await connection.texts() == [b"slow"]
        assert connection.reads()

    run(test)


def test_nothing_is_read_from_a_client_that_does_not_read() -> None:
    """And after 10 s of it the connection is cut."""

    async def test() -> None:
        connection = Connection()
        connection.socket.pause_writing()
        assert not connection.reads()
        connection.socket.resume_writing()
        assert connection.reads()
        await connection.pass_time(10.1)
        assert not connection.transport.is_aborted
        connection.socket.pause_writing()
        await connection.pass_time(9.9)
        assert not connection.transport.is_aborted
        await connection.pass_time(0.2)
        assert connection.transport.is_aborted

    run(test)


def test_answer_waits_for_the_one_before_to_be_read() -> None:
    """What we keep for a client is one answer, not all of them."""

    async def test() -> None:
        connection = Connection()
        connection.socket.pause_writing()
        for text in (b"one", b"two"):
            connection.client.send_text(text)
        connection.send()
        assert await connection.texts() == [b"> one"]
        connection.socket.resume_writing()
        assert await connection.texts() == [b"> two"]

    run(test)


def test_silent_client_is_pinged_and_then_cut_off() -> None:
    """Every 27 s; a pong keeps it, like any other frame."""

    async def test() -> None:
        connection = Connection()
        await connection.pass_time(27.1)
        assert [frame.opcode for frame in await connection.said()] == [Opcode.PING]
        connection.send()  # the pong
        await connection.pass_time(29.8)
        assert not connection.transport.is_aborted
        assert [frame.opcode for frame in await connection.said()] == [Opcode.PING]
        await connection.pass_time(0.3)
        assert connection.transport.is_aborted

    run(test)


def test_message_too_large_ends_the_connection() -> None:
    """Also one in pieces. The client can read why, if it does so at once."""

    async def test() -> None:
        for sizes in ((1001,), (600, 401)):
            connection = Connection()
            first, *others = sizes
            connection.client.send_text(bytes(first), fin=not others)
            for size in others:
                connection.client.send_continuation(bytes(size), fin=True)
            connection.send()
            await connection.said()
            assert connection.closed_with == CloseCode.MESSAGE_TOO_BIG
            assert connection.transport.is_eof
            await connection.pass_time(LINGER_S + 0.1)
            assert connection.transport.is_aborted
            assert connection.asked == []

    run(test)


def test_largest_message_is_answered() -> None:
    """To the byte, in one piece or two."""

    async def test() -> None:
        connection = Connection()
        connection.client.send_text(b"a" * 1000)
        connection.client.send_text(b"b" * 400, fin=False)
        connection.client.send_continuation(b"b" * 600, fin=True)
        connection.send()
        assert [len(text) for text in await connection.texts()] == [1002, 1002]

    run(test)


def test_clients_together_have_a_bound() -> None:
    """What is unfinished or unanswered counts, and room is made by an answer."""

    async def test() -> None:
        limits = SocketLimits(max_message_bytes=2 * FREE_BYTES)
        connection = Connection(limits=limits, room=FREE_BYTES)
        for _ in range(3):
            connection.client.send_text(bytes(2 * FREE_BYTES - 100))
            connection.send()
            assert connection.pending.taken > 0
            assert len(await connection.texts()) == 1
            assert connection.pending.taken == 0
        connection.client.send_text(bytes(FREE_BYTES), fin=False)
        connection.send()
        connection.client.send_continuation(bytes(FREE_BYTES), fin=True)
        connection.send()
        assert await connection.texts()
        one, two = bytes(2 * FREE_BYTES), bytes(10)
        connection.client.send_text(one)
        connection.client.send_text(two)
        connection.send()
        await connection.said()
        assert connection.closed_with == CloseCode.TRY_AGAIN_LATER
        connection.socket.connection_lost(None)
        assert connection.pending.taken == 0

    run(test)


def test_broken_frames_end_the_connection() -> None:
    """Of a client that masks nothing, say."""

    async def test() -> None:
        connection = Connection()
        connection.socket.data_received(b"\x81\x05hello")
        await connection.said()
        assert connection.closed_with == CloseCode.PROTOCOL_ERROR
        connection.socket.data_received(b"\x81\x05hello")
        assert connection.asked == []

    run(test)


def test_client_that_says_goodbye_is_answered() -> None:
    """With its own words, and the end of the stream."""

    async def test() -> None:
        connection = Connection()
        connection.client.send_close(1000, "done")
        connection.send()
        await connection.said()
        assert connection.client.close_rcvd == Close(1000, "done")
        assert connection.transport.is_eof

    run(test)


def test_stopping_server_says_goodbye() -> None:
    """Once."""

    async def test() -> None:
        connection = Connection()
        connection.socket.shutdown()
        connection.socket.shutdown()
        await connection.said()
        assert connection.closed_with == CloseCode.GOING_AWAY
        assert connection.transport.is_closed

    run(test)


def test_lost_connection_is_forgotten() -> None:
    """Its answer in the making is made, and goes nowhere; no timer is left."""

    async def test() -> None:
        gate = asyncio.Event()

        async def wait(message: bytes) -> bytes:
            await gate.wait()
            return message

        connection = Connection(wait)
        connection.client.send_text(b"slow")
        connection.client.send_text(b"later")
        connection.send()
        await connection.said()
        assert connection.socket.eof_received() is False
        connection.socket.connection_lost(None)
        gate.set()
        assert await connection.said() == []
        assert connection.forgotten == 1
        await connection.pass_time(1000.0)
        assert not connection.transport.is_aborted

    run(test)


def test_message_whose_answer_fails_ends_the_connection() -> None:
    """That is a mistake of ours: the client is told, and not left waiting."""

    async def test() -> None:
        async def fail(_message: bytes) -> bytes:
            raise RuntimeError("a mistake")

        connection = Connection(fail)
        connection.client.send_text(b"x")
        connection.send()
        await connection.said()
        assert connection.closed_with == CloseCode.INTERNAL_ERROR

    run(test)
