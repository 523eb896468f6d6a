from typing import Any

def load_openssl(path: str | None, /) -> str | None: ...

class FrameCipher:
    def __init__(self, key: bytes, opens: bool) -> None: ...
    def seal(self, counter: int, data: bytes | bytearray | memoryview, /) -> bytes: ...
    def open(self, counter: int, sealed: bytes | bytearray | memoryview, /) -> tuple[bytes, int, int]: ...

def cut(
    header: bytes, message: bytes | bytearray | memoryview, start: int, payload: int, count: int, /
) -> bytes: ...
def join_run(data: bytes, pos: int, header: bytes, size: int, /) -> bytes: ...
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
