#!/usr/bin/env bash
# The route dial_peers of a CometBFT node, with persistent=true, on a node that has persistent peers in its configuration.
#
# Expected: the peer that is named becomes persistent too; those of the configuration stay so.
# Seen:     v0.38.26 puts the new list in the place of the old one. A peer of the configuration that is connected is still
#           dialled again when it goes, once; the connection that comes of it is no persistent one any more, and when that
#           ends nobody dials. That can be one restart or two: often the dial reaches the peer while it is still stopping.
#           The log says nothing. Without the call the same peer is dialled again after each end. (With pex off; with it on,
#           the address book may bring the peer back as one among many.)
# Matters:  the route is what one uses to add a peer without a restart. A validator behind sentries, or anybody with pex
#           off, loses its other fixed peers one by one, days later, when those are restarted. Name all persistent peers in
#           each call, the configured ones as well, or restart the node.
#
# Needs: go, python3. Takes two minutes, longer when Go has nothing cached. All nodes listen and dial on loopback only.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
declare -A nodes=()
stop() { # NAME
    kill "${nodes[$1]}" 2> /dev/null || true
    wait "${nodes[$1]}" 2> /dev/null || true
    unset "nodes[$1]"
}
cleanup() {
    for name in "${!nodes[@]}"; do stop "$name"; done
    rm -rf "$work"
}
trap cleanup EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building github.com/cometbft/cometbft@$comet"
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
for home in called left configured added; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i -e 's/^addr_book_strict = true/addr_book_strict = false/' -e 's/^pex = true/pex = false/' \
        -e 's/^allow_duplicate_ip = false/allow_duplicate_ip = true/' -e 's/^unsafe = false/unsafe = true/' $home/config/config.toml
done
for home in left configured added; do cp called/config/genesis.json $home/config/genesis.json; done
declare -A p2p=() rpc=()
read -r p2p[called] rpc[called] p2p[left] rpc[left] p2p[configured] rpc[configured] p2p[added] rpc[added] <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(8)]
print(*(one.getsockname()[1] for one in sockets))')"
address() { echo "$(timeout 20 ./cometbft show-node-id --home "$1")@127.0.0.1:${p2p[$1]}"; }
start() { # NAME [PEERS]
    timeout 280 ./cometbft start --home "$1" --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:${p2p[$1]}" \
        --rpc.laddr "tcp://127.0.0.1:${rpc[$1]}" --p2p.persistent_peers "${2:-}" > "$1.log" 2>&1 &
    nodes[$1]=$!
}
cat > peers.py <<'P'
# PORT ID SECONDS: waits so long for the node behind the RPC port to have the peer; says whether it has.
import json, sys, time, urllib.request

port, peer, seconds = sys.argv[1], sys.argv[2].split("@")[0], float(sys.argv[3])
end = time.monotonic() + seconds
while True:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/net_info", timeout=5) as answer:
            if any(one["node_info"]["id"] == peer for one in json.load(answer)["result"]["peers"]):
                print("connected")
                break
    except OSError:
        pass
    if time.monotonic() > end:
        print("apart")
        break
    time.sleep(0.2)
P
peer() { timeout 100 python3 peers.py "${rpc[$1]}" "$(address "$2")" "$3"; }
gone() { # until both have lost the peer
    for name in called left; do
        until [ "$(peer $name configured 0)" = apart ]; do sleep 0.2; done
    done
}

start configured
start added
start called "$(address configured)"
start left "$(address configured)"
echo "first: called $(peer called configured 40), left alone $(peer left configured 40)" | tee seen.txt
curl -sS --noproxy '*' -m 10 -G "http://127.0.0.1:${rpc[called]}/dial_peers" --data-urlencode "peers=[\"$(address added)\"]" \
    --data-urlencode persistent=true > dial.json
echo "added: $(peer called added 40)" | tee -a seen.txt
for restart in first second; do
    stop configured
    gone
    start configured
    # Whoever dials does so every five to eight seconds; after the first restart `called` may or may not have done so.
    left=$(peer left configured 40) called=$(peer called configured 25)
    [ $restart = first ] || echo "after two restarts: left alone $left, called $called" | tee -a seen.txt
done
cat > wanted.txt <<'T'
first: called connected, left alone connected
added: connected
after two restarts: left alone connected, called apart
T
diff wanted.txt seen.txt || { cat dial.json; echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
