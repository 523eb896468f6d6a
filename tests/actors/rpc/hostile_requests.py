"""HTTP requests that nobody should send, as bytes, and how a server answers them.

`python -m tests.actors.rpc.hostile_requests PORT` puts them to a server at 127.0.0.1 and prints the answers as JSON:
rpc/test_hostile.json holds those of CometBFT v0.38.26 (`--proxy_app kvstore --rpc.unsafe`, one validator).
"""

from __future__ import annotations

import io
import json
import socket
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPException, HTTPResponse
from typing import Any

__all__ = ["REQUESTS", "answer_of", "exchange_raw"]

PATIENCE_S = 5.0
DIGITS = b"9" * 400
HEALTH = b'{"id":1,"method":"health"}'
FORM = b"Content-Type: application/x-www-form-urlencoded"
CHUNKED = b"Transfer-Encoding: chunked"
METHODS = ("PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "FOO", "CONNECT", "get", "G\xffT")


def request(
    method: bytes,
    target: bytes,
    body: bytes = b"",
    headers: Sequence[bytes] = (),
    *,
    version: bytes = b"1.1",
    host: bytes | None = b"x",
    length: bytes | None = None,
) -> bytes:
    """One request. Args: length, what Content-Length says; b"": no such header; None: the truth."""
    lines = [method + b" " + target + b" HTTP/" + version]
    lines += [] if host is None else [b"Host: " + host]
    lines += [b"Connection: close", *headers]
    if length is None and body:
        length = str(len(body)).encode()
    if length:
        lines.append(b"Content-Length: " + length)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _bodies() -> Iterator[tuple[str, bytes]]:
    def dial(params: bytes) -> bytes:
        return b'{"jsonrpc":"2.0","id":1,"method":"dial_seeds","params":' + params + b"}"

    for name, number in (
        ("400 digits", DIGITS),
        ("-400 digits", b"-" + DIGITS),
        ("300 digits", b"9" * 300),
        ("5000 digits", b"9" * 5000),
        ("5000 decimals", b"0." + b"9" * 5000),
        ("1e400", b"1e400"),
        ("1e-400", b"1e-400"),
        ("1e19", b"1e19"),
        ("-0", b"-0"),
        ("NaN", b"NaN"),
        ("Infinity", b"Infinity"),
        ("01", b"01"),
        ("+1", b"+1"),
        ("0x1", b"0x1"),
        ("1.", b"1."),
        ("true", b"true"),
        ("{}", b"{}"),
        ("bad UTF-8", b'"\xff\xfe"'),
        ("cut UTF-8", b'"\xe2\x82"'),
        ("half a pair", rb'"\ud800"'),
        ("escaped NUL", rb'"\u0000"'),
        ("NUL", b'"\x00"'),
        ("line break", b'"a\nb"'),
    ):
        yield f"id {name}", b'{"jsonrpc":"2.0","id":' + number + b',"method":"health"}'
    for name, value in (
        ("400 digits", DIGITS),
        ("5000 digits", b"9" * 5000),
        ("1e400", b"1e400"),
        ("bad UTF-8", b'"\xff"'),
        ("1100 deep", b"[" * 1100 + b"]" * 1100),
        ("9000 deep", b"[" * 9000 + b"]" * 9000),
        ("11000 deep", b"[" * 11000 + b"]" * 11000),
        ("9000 objects deep", b'{"a":' * 9000 + b"1" + b"}" * 9000),
        ("9000 deep, wrong inside", b"[" * 5000 + b"1 1" + b"]" * 5000),
        ("9000 deep, closed wrongly", b"[" * 9000 + b"}" * 9000),
        ("9000 deep, comma inside", b"[" * 9000 + b"1," + b"]" * 9000),
    ):
        yield f"other field {name}", b'{"id":1,"method":"health","x":' + value + b"}"
        yield f"params {name}", b'{"id":1,"method":"health","params":' + value + b"}"
        yield f"seeds {name}", dial(b'{"seeds":' + value + b"}")
        yield f"in seeds {name}", dial(b'{"seeds":[' + value + b"]}")
    yield "method bad UTF-8", b'{"id":1,"method":"health\xff"}'
    yield "method null after all", b'{"id":1,"method":"health","METHOD":null}'
    yield "method <>&", b'{"id":1,"method":"a/b<>&"}'
    yield "jsonrpc bad UTF-8", b'{"jsonrpc":"\xff","id":1,"method":"health"}'
    yield "key bad UTF-8", b'{"id":1,"\xff":1,"method":"health"}'
    yield "key long s", '{"id":1,"method":"health","PARAM\u017f":[1]}'.encode()
    yield "key in params bad UTF-8", b'{"id":1,"method":"health","params":{"\xff":1}}'
    yield "seed half a pair", dial(rb'{"seeds":["\ud800@1.2.3.4:5"]}')
    yield "seed bad UTF-8", dial(b'{"seeds":["\xff@1.2.3.4:5"]}')
    yield "keys twice", b'{"id":1,"id":2,"method":"health","method":"nope"}'
    yield "id twice, null", b'{"id":1,"id":null,"method":"health"}'
    yield "seeds twice", dial(b'{"seeds":["x"],"seeds":[]}')
    yield "100000 brackets", b"[" * 100_000
    yield "batch of junk", b'[1,"a",null,{},[],true]'
    yield "batch of incomplete", b'[{},{"id":1},{"id":1,"method":"health"}]'
    yield "batch with junk", b"[" + HEALTH + b",5]"
    yield "batch with 400 digits", b"[" + HEALTH + b',{"id":' + DIGITS + b',"method":"health"}]'
    yield "batch of null", b"[null]"
    for name, body in (
        ("blank", b" "),
        ("NUL", b"\0"),
        ("400 digits", DIGITS),
        ("bad UTF-8", b'"\xff"'),
        ("UTF-16", HEALTH.decode().encode("utf-16")),
        ("byte order mark", b"\xef\xbb\xbf" + HEALTH),
        ("cut", HEALTH[:-2]),
        ("with more behind", HEALTH + b"x"),
        ("of a megabyte and one", b" " * 1_000_001),
    ):
        yield f"body {name}", body


def _targets() -> Iterator[tuple[str, bytes]]:
    for value in (
        b"%ff", b"%5B%22%ff%22%5D", b"\xff", "é".encode(), b"%00", b"%zz", b"%", b"0xff", b"NaN", b"1e400",
        b"[];x", b"%5B%22a+b%22%5D", b"&seeds=[%22x%22]", b"-" + DIGITS, b"[" + DIGITS + b"]", b"9" * 5000,
        b"[" * 20_000, b"[" * 2000 + b"]" * 2000,
    ):  # fmt: skip
        yield f"seeds={value[:24]!r}", b"/dial_seeds?seeds=" + value
    for query in (
        b"%ff=1",
        b"%ff=%fe",
        b"\xff=\xff",
        b"",
        b"?x",
        b"x=" + b"a" * 100_000,
        b"x=\x01",
        b"x=\x7f",
    ):
        yield f"health?{query[:24]!r}", b"/health?" + query
    yield "persistent=400 digits", b"/dial_peers?peers=[%22x%22]&persistent=" + DIGITS
    yield 'persistent="true"', b"/dial_peers?peers=[%22x%22]&persistent=%22true%22"
    yield "persistent=0xff", b"/dial_peers?persistent=0xff"
    for path in (
        b"/\xff", "/é".encode(), b"/he\x01alth", b"/%ff", b"/%00", b"/%2f", b"/he%61lth", b"/health%ff",
        b"/health%00", b"/health%0a", b"/health%", b"/%zz", b"/%ed%a0%80", b"/health/", b"/HEALTH", b"/health;x",
        b"/health#x", b"//health", b"/./health", b"/a/../health", b"//", b"///", b"/.", b"/..", b"//?x=1", b"/nope//x",
        b"http://x/health", b"http://other:1/health?x=%ff", b"*", b"health", b"", b"/" + b"a" * 10_000,
    ):  # fmt: skip
        yield f"path {path[:24]!r}", path


def _heads() -> Iterator[tuple[str, bytes]]:
    def get(*headers: bytes, **options: Any) -> bytes:
        return request(b"GET", b"/health", b"", headers, **options)

    for method in METHODS:
        for target in (b"/health", b"/nope"):
            yield f"{method!r} {target.decode()}", request(method.encode("latin-1"), target)
    for value in (b"\xff\xfe", b"a\0b", b"a\x01b", b"a\x7fb", b"a\tb"):
        yield f"header {value!r}", get(b"X: " + value)
    for line in (b"X\xff: a", b"X : a", b": a", b"XYZ", b"X: a\r\n b"):
        yield f"header line {line!r}", get(line)
    for host in (b"\xff", b"a<b>", b"", b"a b"):
        yield f"host {host!r}", get(host=host)
    yield "no host", get(host=None)
    yield "two hosts", get(b"Host: y")
    for version in (b"1.0", b"1.9", b"2.0", b"3.7", b"x.y", b"1"):
        yield f"version {version!r}", get(version=version)
    yield "version none", b"GET /health\r\n\r\n"
    yield "no carriage returns", b"GET /health HTTP/1.1\nHost: x\nConnection: close\n\n"
    yield "line break before", b"\r\n" + get()
    yield "expects more", get(b"Expect: more")
    yield "HTTP/2 over HTTP/1", get(b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__")
    yield "no HTTP", b"\xff\xfe\x00\r\n\r\n"
    yield "a word", b"hello\r\n\r\n"
    yield "empty lines", b"\r\n\r\n"
    yield "head of two megabytes", get(b"X: " + b"a" * (1 << 21))


def _posts() -> Iterator[tuple[str, bytes]]:
    for value in (b"x", b"-5", b"+2", b"9" * 23, DIGITS, b" "):
        yield f"length {value[:24]!r}", request(b"POST", b"/", b"{}", length=value)
    yield "length twice", request(b"POST", b"/", b"{}", [b"Content-Length: 3"])
    yield (
        "length and chunks",
        request(b"POST", b"/", b"1a\r\n" + HEALTH + b"\r\n0\r\n\r\n", [CHUNKED], length=b"5"),
    )
    for chunks in (
        b"1a\r\n@\r\n0\r\n\r\n", b"1a;a=b\r\n@\r\n0\r\n\r\n", b"1a\r\n@\r\n0\r\nX: y\r\n\r\n", b"zz\r\n@\r\n0\r\n\r\n",
        b"1a\r\n@\r\n0\r\n\xff\r\n\r\n", b"f" * 40 + b"\r\n@\r\n0\r\n\r\n", b"19\r\n@\r\n0\r\n\r\n", b"-1\r\n@\r\n",
        b"\r\n@\r\n0\r\n\r\n",
    ):  # fmt: skip
        body = chunks.replace(b"@", HEALTH)
        for target in (b"/", b"/health", b"/nope"):
            yield (
                f"chunks {chunks[:40]!r} to {target.decode()}",
                request(b"POST", target, body, [CHUNKED], length=b""),
            )
    for coding in (b"gzip", b"gzip, chunked", b"identity", b"chunked, chunked"):
        yield (
            f"coding {coding!r}",
            request(b"POST", b"/", HEALTH, [b"Transfer-Encoding: " + coding], length=b""),
        )
    for form in (
        b"seeds=%ff",
        b"seeds=\xff",
        b"\xff=\xff",
        b"seeds=" + DIGITS,
        b"seeds=%zz",
        b"seeds=\0",
        b"&&==&",
    ):
        yield f"form {form[:24]!r}", request(b"POST", b"/dial_seeds", form, [FORM])
        yield f"form {form[:24]!r} to /nope", request(b"POST", b"/nope", form, [FORM])
    for kind in (b"\xff", b"multipart/form-data", b"application/x-www-form-urlencoded;;;=="):
        yield f"type {kind!r}", request(b"POST", b"/dial_seeds", b"seeds=[]", [b"Content-Type: " + kind])
    for target in (b"/health", b"/nope"):
        yield f"too much to {target.decode()}", request(b"POST", target, b"a" * 1_000_001)
    yield "far too much", request(b"POST", b"/", b"a" * 5_000_000)
    yield "PUT of a request", request(b"PUT", b"/", HEALTH)
    yield "GET of a request", request(b"GET", b"/", HEALTH)
    yield "gzip", request(b"POST", b"/", HEALTH, [b"Content-Encoding: gzip"])


REQUESTS: dict[str, bytes] = {
    **{f"POST {name}": request(b"POST", b"/", body) for name, body in _bodies()},
    **{f"GET {name}": request(b"GET", target) for name, target in _targets()},
    **dict(_heads()),
    **dict(_posts()),
}


def exchange_raw(port: int, data: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes and read until the other side closes. Raises: TimeoutError; OSError, nothing came before a reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as client:
        try:
            client.sendall(data)
            if half_close:
                client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # hung up on meanwhile: the answer is there all the same
        answer = bytearray()
        while piece := client.recv(1 << 16):
            answer += piece
    return bytes(answer)


class _Received:
    """What HTTPResponse wants of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def answer_of(raw: bytes, method: str = "GET") -> dict[str, Any]:
    """What counts of an answer: its status, type, and of JSON-RPC the ID and the error's code, of each in a batch.

    Raises: HTTPException, it is no whole HTTP answer; ValueError, it is no JSON though it says so.
    """
    response = HTTPResponse(_Received(raw), method=method)  # type: ignore[arg-type]
    response.begin()
    body = response.read()
    answer: dict[str, Any] = {"status": response.status, "type": response.headers.get("content-type", "")}
    if answer["type"] == "application/json" and body:
        value = json.loads(body)
        outcomes = [
            {"id": each.get("id"), "code": each["error"]["code"] if "error" in each else None}
            for each in (value if isinstance(value, list) else [value])
        ]
        answer["json"] = outcomes if isinstance(value, list) else outcomes[0]
    if "location" in response.headers:
        answer["location"] = response.headers["location"]
    return answer


def _record(port: int) -> None:
    for name, data in REQUESTS.items():
        method = data.partition(b" ")[0].decode("latin-1")
        try:
            answer = answer_of(exchange_raw(port, data), method)
        except (OSError, HTTPException, ValueError) as error:
            print(f"{name}: {error!r}", file=sys.stderr)
            answer = {}
        print("," if name != next(iter(REQUESTS)) else "{", json.dumps(name), ":", json.dumps(answer))
    print("}")


if __name__ == "__main__":
    _record(int(sys.argv[1]))
