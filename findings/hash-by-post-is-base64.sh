#!/usr/bin/env bash
# A block's hash, as a CometBFT node prints it, given to block_by_hash and header_by_hash.
#
# Expected: the two routes, of one family, read one spelling of a hash, the hexadecimal one that all answers have; another
#           is refused.
# Seen:     v0.38.26, by POST: header_by_hash reads hexadecimal, block_by_hash base64. 64 hexadecimal digits are valid
#           base64 as well (of 48 bytes), so block_by_hash answers a real block's hash with a result whose block is null: no
#           such block. By GET both read 0x… as hexadecimal, and both take the same digits in quotes, which is how strings
#           are written in these URLs, for 64 bytes of text: null again. Only what is no base64 at all (0x… by POST) is an
#           error.
# Matters:  "null" is the right answer for a block that was pruned or is not there yet, so a client that looks up what it
#           has just read from the same node waits, or takes a block for gone. By POST give base64 to block_by_hash (and tx)
#           and hexadecimal to header_by_hash, by GET 0x… to both; and compare a null with a hash known to be there.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building github.com/cometbft/cometbft@$comet"
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
timeout 20 ./cometbft init --home home > init.log
read -r p2p rpc <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))')"
timeout 100 ./cometbft start --home home --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$rpc" > node.log 2>&1 & node=$!

cat > asks.py <<'P'
import base64, json, sys, time, urllib.error, urllib.request

url = f"http://127.0.0.1:{sys.argv[1]}"


def body(request):
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


def post(method, **params):
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return body(urllib.request.Request(url, json.dumps(asked).encode()))


def kind(answer, key):
    if "error" in answer:
        return "error"
    if answer["result"][key] is None:
        return "null"
    found = answer["result"][key]
    return f"{key} {found.get('header', found)['height']}"


for _ in range(300):
    try:
        block = body(f"{url}/block?height=2")["result"]
        break
    except (OSError, KeyError):
        time.sleep(0.2)
else:
    sys.exit("the node made no blocks")
hexadecimal = block["block_id"]["hash"]
spellings = {"digits": hexadecimal, "0x": f"0x{hexadecimal}", "base64": base64.b64encode(bytes.fromhex(hexadecimal)).decode()}
for key in ("block", "header"):
    route = f"{key}_by_hash"
    for name, spelling in spellings.items():
        print(f"POST {route}, {name}:", kind(post(route, hash=spelling), key))
    for name, spelling in (("0x", f"0x{hexadecimal}"), ("digits in quotes", f"%22{hexadecimal}%22")):
        print(f"GET {route}, {name}:", kind(body(f"{url}/{route}?hash={spelling}"), key))
P
timeout 90 python3 asks.py "$rpc" | tee seen.txt
cat > wanted.txt <<'T'
POST block_by_hash, digits: null
POST block_by_hash, 0x: error
POST block_by_hash, base64: block 2
GET block_by_hash, 0x: block 2
GET block_by_hash, digits in quotes: null
POST header_by_hash, digits: header 2
POST header_by_hash, 0x: error
POST header_by_hash, base64: error
GET header_by_hash, 0x: header 2
GET header_by_hash, digits in quotes: null
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
