#!/usr/bin/env bash
# A cache in front of a CometBFT node that does what the node's Cache-Control headers say (here requests-cache).
#
# Expected: the node marks for a day ("public, max-age=86400") what can no longer change, "upon success", as its API
#           description has it; what changes with each block and what is not there yet is asked for again.
# Seen:     v0.38.26 marks as well: /abci_info, with the last height; /blockchain without arguments, "the last 20 blocks";
#           the null of a block or header whose hash it does not know (yet); and, by POST, every error of such a route, with
#           status 200: "height 9 must be less than or equal to the current blockchain height 7", "tx … not found". By GET
#           the same errors are a 500 and not marked. The cache obeys: a client that waits for a block by asking for it is
#           told for a day that it is not there.
# Matters:  gateways that are put in front of public nodes cache, many of them POST as well, by the body, for JSON-RPC is
#           POST. A poll for a transaction or the next block, the usual thing to do, then never ends; a health check by
#           abci_info sees a chain that stands still. Cache only answers that have a result which is not null, and neither
#           abci_info nor blockchain; or let no client that waits through a cache.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
packages="requests-cache==1.3.3 requests==2.34.2"
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "installing $packages, building github.com/cometbft/cometbft@$comet"
python3 -m venv env
# shellcheck disable=SC2086
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
import sys, time

import requests
import requests_cache

url = f"http://127.0.0.1:{sys.argv[1]}"
direct = requests.Session()
direct.trust_env = False
cached = requests_cache.CachedSession(
    backend="memory",
    cache_control=True,  # what the answer's header says, and for answers without one:
    expire_after=requests_cache.EXPIRE_IMMEDIATELY,
    allowable_methods=["GET", "POST"],
)
cached.trust_env = False


def get(session, path):
    return session.get(f"{url}/{path}", timeout=10)


def post(session, method, **params):
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return session.post(url, json=request, timeout=10)


def height():
    return int(get(direct, "status").json()["result"]["sync_info"]["latest_block_height"])


def wait_for(wanted):
    for _ in range(300):
        try:
            if height() >= wanted:
                return
        except (OSError, ValueError):
            pass
        time.sleep(0.2)
    sys.exit("the node made no blocks")


def kind(answer):
    body = answer.json()
    if "error" in body:
        return f"error: {body['error']['data'].split(' ', 1)[0]} …"
    return next((f"{key} null" for key in ("block", "header") if body["result"].get(key, 0) is None), "result")


wait_for(3)
unknown = "0x" + 32 * "AB"
for path in ("status", "block?height=1", "abci_info", "blockchain", f"block_by_hash?hash={unknown}",
             f"header_by_hash?hash={unknown}", "block?height=1000000", f"tx?hash={unknown}"):
    answer = get(direct, path)
    print(f"GET {path.replace(unknown, 'unknown')}: {answer.status_code}, {kind(answer)},", answer.headers.get("Cache-Control"))
for method, params in (("status", {}), ("block", {"height": "1000000"}), ("tx", {"hash": 43 * "A" + "="})):
    answer = post(direct, method, **params)
    print(f"POST {method}: {answer.status_code}, {kind(answer)},", answer.headers.get("Cache-Control"))

began = height()
awaited = str(began + 3)
first = get(cached, "abci_info"), get(cached, "blockchain"), post(cached, "block", height=awaited)
wait_for(began + 6)
second = get(cached, "abci_info"), get(cached, "blockchain"), post(cached, "block", height=awaited)
fresh = get(direct, "abci_info"), get(direct, "blockchain"), post(direct, "block", height=awaited)
for name, one, other, now in zip(("abci_info", "blockchain", "block"), first, second, fresh, strict=True):
    same = "as before" if other.text == one.text else "new"
    print(f"{name} through the cache, six blocks later: {same}, {kind(other).split(':')[0]}; directly:",
          "as before" if now.text == one.text else "new,", kind(now).split(":")[0])
P
timeout 90 env/bin/python asks.py "$rpc" | tee seen.txt
cat > wanted.txt <<'T'
GET status: 200, result, None
GET block?height=1: 200, result, public, max-age=86400
GET abci_info: 200, result, public, max-age=86400
GET blockchain: 200, result, public, max-age=86400
GET block_by_hash?hash=unknown: 200, block null, public, max-age=86400
GET header_by_hash?hash=unknown: 200, header null, public, max-age=86400
GET block?height=1000000: 500, error: height …, None
GET tx?hash=unknown: 500, error: tx …, None
POST status: 200, result, None
POST block: 200, error: height …, public, max-age=86400
POST tx: 200, error: tx …, public, max-age=86400
abci_info through the cache, six blocks later: as before, result; directly: new, result
blockchain through the cache, six blocks later: as before, result; directly: new, result
block through the cache, six blocks later: as before, error; directly: new, result
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
