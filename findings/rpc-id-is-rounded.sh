#!/usr/bin/env bash
# Numbers as JSON-RPC IDs of requests to a CometBFT node.
#
# Expected: the answer has the ID of its request, as JSON-RPC 2.0 requires (a number is one of its three kinds), or an
#           error.
# Seen:     v0.38.26 reads the ID as a float and answers with it as an integer. Above 2^53 that is another number: a time in
#           nanoseconds comes back some dozens off, and two requests of one batch, or of one WebSocket, whose IDs follow
#           each other are answered with the same ID. 1.5 comes back as 1. IDs as strings come back as they were.
# Matters:  a client that makes IDs of the clock's nanoseconds or of 64 random bits, and keeps a table of open calls, finds
#           nobody who waits for the answer, or the wrong one; over HTTP, one call at a time, the same client works. Use
#           strings or small numbers. (What an ID beyond 64 bits becomes depends on the node's processor, as Go leaves that
#           conversion open, and is not looked at here.)
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
packages="websockets==17.4"
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "installing $packages, building github.com/cometbft/cometbft@$comet"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check $packages
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
timeout 20 ./cometbft init --home home > init.log
read -r p2p rpc <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))')"
timeout 100 ./cometbft start --home home --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$rpc" > node.log 2>&1 & node=$!

cat > asks.py <<'P'
import json, sys, time, urllib.request

from websockets.sync.client import connect

address = f"127.0.0.1:{sys.argv[1]}"
NANOSECONDS = 1_783_000_000_123_456_789  # as time.time_ns() gives in the summer of 2026


def request(number):
    return {"jsonrpc": "2.0", "id": number, "method": "health", "params": {}}


def post(body):
    asked = urllib.request.Request(f"http://{address}", json.dumps(body).encode())
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


for _ in range(300):
    try:
        post(request(0))
        break
    except OSError:
        time.sleep(0.2)
else:
    sys.exit("the node did not answer")
for number in (2**53 - 1, 2**53 + 1, NANOSECONDS, 1.5, str(NANOSECONDS)):
    print(f"POST {number!r}: {post(request(number))['id']!r}")
batch = [one["id"] for one in post([request(NANOSECONDS), request(NANOSECONDS + 1)])]
print("POST, a batch of that time and the next:", *batch)
with connect(f"ws://{address}/websocket", proxy=None) as socket:
    for number in (NANOSECONDS, NANOSECONDS + 1):
        socket.send(json.dumps(request(number)))
    print("WebSocket, the same:", *(json.loads(socket.recv(timeout=10))["id"] for _ in range(2)))
P
timeout 80 env/bin/python asks.py "$rpc" | tee seen.txt
cat > wanted.txt <<'T'
POST 9007199254740991: 9007199254740991
POST 9007199254740993: 9007199254740992
POST 1783000000123456789: 1783000000123456768
POST 1.5: 1
POST '1783000000123456789': '1783000000123456789'
POST, a batch of that time and the next: 1783000000123456768 1783000000123456768
WebSocket, the same: 1783000000123456768 1783000000123456768
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
