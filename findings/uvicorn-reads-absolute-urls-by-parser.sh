#!/usr/bin/env bash
# The same uvicorn, the same application, and a request line with a whole URL, as clients behind a proxy send it.
#
# Expected: `GET http://host/health HTTP/1.1` finds the route /health (RFC 9112, 3.2.2: a server must accept the form).
# Seen:     uvicorn 0.54.0 with httptools answers 200; with h11, which it takes when httptools is not installed, the path
#           of the request is "http://host/health" and the answer 404. Nothing of the application differs.
# Matters:  `pip install uvicorn` gives the one behaviour, `uvicorn[standard]` the other, and so does any package that
#           brings httptools along. Health checks and RPC calls through a forward proxy that does not rewrite the line
#           work on one machine and not on the next. (CometBFT v0.38.26, asked in the same way, answered 200.)
#
# Needs: python3. Takes half a minute.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
timeout 120 venv/bin/pip install --quiet uvicorn==0.54.0 h11==0.16.0 httptools==0.9.0 starlette==1.10.0

cat > served.py <<'P'
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def health(request):
    return PlainTextResponse(f"query {request.url.query!r}")


app = Starlette(routes=[Route("/health", health)])
P
cat > asks.py <<'P'
import importlib.metadata as metadata
import socket, subprocess, sys, time

REQUESTS = ["/health?a=1", "http://127.0.0.1/health?a=1"]
WANTED = {
    "httptools": [("200", "query 'a=1'")] * 2,
    "h11": [("200", "query 'a=1'"), ("404", "Not Found")],
}


def ask(port, target):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sock.recv(4096), b"")).decode()
    return answer.split()[1], answer.split("\r\n\r\n", 1)[1]


print(", ".join(f"{name} {metadata.version(name)}" for name in ("uvicorn", "h11", "httptools", "starlette")))
right = True
for parser, wanted in WANTED.items():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        command = ["-m", "uvicorn", "served:app", "--fd", str(listener.fileno()), "--http", parser]
        server = subprocess.Popen(
            [sys.executable, *command, "--log-level", "error"], pass_fds=[listener.fileno()]
        )
    try:
        for target, expected in zip(REQUESTS, wanted):
            for _ in range(20):
                try:
                    seen = ask(port, target)
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                sys.exit("the server does not answer")
            right &= seen == expected
            print(f"{parser:9}  GET {target:30} {' '.join(seen)}{'' if seen == expected else '   CHANGED'}")
    finally:
        server.terminate()
        server.wait(10)
sys.exit(not right)
P
timeout 90 venv/bin/python asks.py
echo "as described"
