from typing import Any, Self

def load_openssl(path: str | None, /) -> str | None: ...
def load_agreement(sodium: str | None, openssl: str | None, form: bytes, places: bytes, /) -> bool: ...

class Handshake:
    taken: int
    sealer: FrameCipher
    remote_id: str
    message: bytes
    leftover: bytes
    def __new__(
        cls, secret: bytes | bytearray | None, pair: bytes, expected_id: str | None, cipher: type[FrameCipher]
    ) -> Self: ...
    def receive(self, data: bytes | bytearray | memoryview, /) -> int: ...
    def data_to_send(self) -> bytes: ...
    def hand_over(
        self,
    ) -> tuple[
        int, bytes, bytes, bytes, bytes, FrameCipher | None, FrameCipher | None, bytes, str | None
    ]: ...

class FrameCipher:
    def __init__(self, key: bytes, opens: bool) -> None: ...
    def seal(self, counter: int, data: bytes | bytearray | memoryview, /) -> bytes: ...
    def open(
        self,
        counter: int,
        sealed: bytes | bytearray | memoryview,
        begun: bytes | bytearray = b"",
        before: bytes = b"",
        /,
    ) -> tuple[bytes, int, int]: ...

def cut(
    header: bytes, message: bytes | bytearray | memoryview, start: int, payload: int, count: int, /
) -> bytes: ...
def split_run(
    data: bytes,
    pos: int,
    header: bytes,
    size: int,
    event_type: type[tuple[int, bytes]],
    channel_id: int,
    events: list[Any],
    /,
) -> int: ...
def read_header(data: bytes, pos: int, limit: int, /) -> tuple[int, bool, int, int] | None: ...
def read_parts(
    data: bytes, pos: int, limit: int, served: bytes, most: int, /
) -> tuple[list[tuple[int, bytes, int, int, int]], int]: ...
def read_messages(
    data: bytes, pos: int, middle: bytes, limit: int, capacity: int, /
) -> tuple[bytes, bytes, int]: ...
def cut_messages(
    data: bytes | bytearray | memoryview,
    at: int,
    sizes: bytes,
    first: int,
    last: int,
    middle: bytes,
    least: int,
    room: int,
    forced: bool,
    /,
) -> tuple[bytes, int, int]: ...
def split_messages(
    data: bytes | bytearray | memoryview,
    sizes: bytes,
    kind: type[tuple[Any, ...]],
    prefix: tuple[Any, ...],
    /,
) -> list[Any]: ...
