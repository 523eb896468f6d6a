#!/usr/bin/env bash
# The metric of a CometBFT node's peers, `cometbft_p2p_peers`, while it has none.
#
# Expected: a node without peers says `cometbft_p2p_peers 0`, and an alert on `cometbft_p2p_peers == 0` or `< 3` fires.
# Seen:     until its first peer a node has no such series, nor any other whose name starts with `cometbft_p2p_`; the rest
#           of its metrics are there. A node whose persistent peer cannot be reached never says 0. Only a node that had a
#           peer and lost it does, and after a restart it is silent again. The other way round, a peer that is gone
#           keeps its series, the gauge `cometbft_p2p_peer_pending_send_bytes` included, until the restart.
# Matters:  in PromQL a comparison of nothing is nothing: the alert is silent for exactly the nodes that found nobody, after
#           a wrong firewall rule or a wrong list of peers, and a table of nodes by peers leaves them out. An alert
#           needs a second arm, such as `cometbft_p2p_peers or on (job, instance) up * 0`. Series with a `peer_id` say who was
#           there since the start, not who is; counting them does not count peers.
#
# Needs: go, python3. Takes a minute, some minutes when Go has nothing cached. Both nodes listen and dial on loopback only.
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
for home in watched other; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i 's/^addr_book_strict = true/addr_book_strict = false/' $home/config/config.toml
done
cp watched/config/genesis.json other/config/genesis.json
read -r p2p rpc metrics p2p_other rpc_other <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(one.getsockname()[1] for one in sockets))')"
sed -i -e 's/^prometheus = false/prometheus = true/' \
    -e "s/^prometheus_listen_addr = .*/prometheus_listen_addr = \"127.0.0.1:$metrics\"/" watched/config/config.toml
id_other=$(timeout 20 ./cometbft show-node-id --home other)
start_watched() {
    timeout 100 ./cometbft start --home watched --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
        --rpc.laddr "tcp://127.0.0.1:$rpc" --p2p.persistent_peers "$id_other@127.0.0.1:$p2p_other" > "$1" 2>&1 &
    nodes[watched]=$!
}

cat > asks.py <<'P'
# RPC METRICS PEERS ID WHAT: waits for block 3, so many peers and the series that are due; says what there is.
import json, re, sys, time, urllib.request

rpc, metrics, wanted, peer, what = sys.argv[1:]


def ask(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


end = time.monotonic() + 50
while True:
    try:
        height = int(json.loads(ask(f"http://127.0.0.1:{rpc}/status"))["result"]["sync_info"]["latest_block_height"])
        peers = json.loads(ask(f"http://127.0.0.1:{rpc}/net_info"))["result"]["n_peers"]
        lines = [line for line in ask(f"http://127.0.0.1:{metrics}/metrics").splitlines() if line.startswith("cometbft_")]
        pending = [line for line in lines if "peer_pending_send_bytes" in line and peer in line]
        if height >= 3 and peers == wanted and (pending or what != "with a peer"):
            break
    except OSError:
        pass
    if time.monotonic() > end:
        sys.exit("CHANGED: the nodes did not come so far")
    time.sleep(0.2)
of_p2p = [line for line in lines if line.startswith("cometbft_p2p_")]
number = [line.rsplit(" ", 1)[1] for line in of_p2p if line.startswith("cometbft_p2p_peers{")]
print(
    f"{what}: net_info {peers} peers; {'many' if len(lines) > 30 else len(lines)} series,",
    f"{'some' if of_p2p else 'none'} of p2p; cometbft_p2p_peers {number[0] if number else 'missing'};",
    f"pending bytes of that peer {'there' if pending else 'missing'}",
)
P
echo "cometbft $(./cometbft version)"
look() { timeout 60 python3 asks.py "$rpc" "$metrics" "$1" "$id_other" "$2" | tee -a seen.txt; }
start_watched first.log
look 0 "unreachable peer"
timeout 100 ./cometbft start --home other --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p_other" \
    --rpc.laddr "tcp://127.0.0.1:$rpc_other" > other.log 2>&1 &
nodes[other]=$!
look 1 "with a peer"
stop other
look 0 "the peer is gone"
stop watched
start_watched second.log
look 0 "restarted"

cat > wanted.txt <<'T'
unreachable peer: net_info 0 peers; many series, none of p2p; cometbft_p2p_peers missing; pending bytes of that peer missing
with a peer: net_info 1 peers; many series, some of p2p; cometbft_p2p_peers 1; pending bytes of that peer there
the peer is gone: net_info 0 peers; many series, some of p2p; cometbft_p2p_peers 0; pending bytes of that peer there
restarted: net_info 0 peers; many series, none of p2p; cometbft_p2p_peers missing; pending bytes of that peer missing
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
