#!/usr/bin/env bash
# Two CometBFT nodes on one machine, with the same port for their metrics, as both have by default (":26660").
#
# Expected: the second one does not start, as with its peer-to-peer or RPC port in use; or it has no metrics, and a scrape
#           of it fails.
# Seen:     v0.38.26 starts, makes blocks and serves its RPC, after one line at error level, "Prometheus HTTP server
#           ListenAndServe". A scrape of the port succeeds and is the first node's, so the second looks well in every panel,
#           as long as the first is. The port is not tried again either: when the first node ends, nobody has it. With its
#           peer-to-peer or RPC port in use the node ends with exit code 1.
# Matters:  ports of a second node are found by trial: one changes those at which it fails to start. `up` is 1 for both
#           targets, and an alert on the second node's height or peers can never fire. Compare the label `chain_id`, or the
#           height, with the node's RPC once, and give each node a `prometheus_listen_addr` of its own.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. All nodes listen on loopback only.
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
read -r metrics p2p_first rpc_first p2p_second rpc_second <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(one.getsockname()[1] for one in sockets))')"
for home in first second; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i -e 's/^prometheus = false/prometheus = true/' \
        -e "s/^prometheus_listen_addr = .*/prometheus_listen_addr = \"127.0.0.1:$metrics\"/" $home/config/config.toml
    sed -i "s/\"chain_id\": \"[^\"]*\"/\"chain_id\": \"chain-of-the-$home\"/" $home/config/genesis.json
done
start() { # NAME P2P RPC
    timeout 100 ./cometbft start --home "$1" --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$2" \
        --rpc.laddr "tcp://127.0.0.1:$3" > "$1.log" 2>&1 &
    nodes[$1]=$!
}
cat > asks.py <<'P'
# RPC METRICS: waits for the second block; says of which chain the node and the metrics are.
import json, re, sys, time, urllib.request


def ask(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
        return answer.read().decode()


rpc, metrics = sys.argv[1:]
for _ in range(200):
    try:
        status = json.loads(ask(rpc, "status"))["result"]
        if int(status["sync_info"]["latest_block_height"]) >= 2:
            break
    except OSError:
        pass
    time.sleep(0.2)
else:
    sys.exit("CHANGED: the node made no blocks")
try:
    found = set(re.findall(r'^cometbft_consensus_height\{chain_id="([^"]*)"', ask(metrics, "metrics"), re.M))
except OSError:
    found = {"nothing"}
print(f"the node is of {status['node_info']['network']}; its metrics are of {', '.join(sorted(found))}")
P
start first "$p2p_first" "$rpc_first"
timeout 60 python3 asks.py "$rpc_first" "$metrics" | tee seen.txt
for taken in "$p2p_first $rpc_second" "$p2p_second $rpc_first"; do
    code=0
    # shellcheck disable=SC2086
    start second $taken
    wait "${nodes[second]}" || code=$?
    echo "with the other's peer-to-peer or RPC port: exit code $code" | tee -a seen.txt
done
start second "$p2p_second" "$rpc_second"
timeout 60 python3 asks.py "$rpc_second" "$metrics" | tee -a seen.txt
echo "lines with Prometheus in its log: $(grep -c Prometheus second.log)" | tee -a seen.txt
stop first
timeout 60 python3 asks.py "$rpc_second" "$metrics" | tee -a seen.txt
cat > wanted.txt <<'T'
the node is of chain-of-the-first; its metrics are of chain-of-the-first
with the other's peer-to-peer or RPC port: exit code 1
with the other's peer-to-peer or RPC port: exit code 1
the node is of chain-of-the-second; its metrics are of chain-of-the-first
lines with Prometheus in its log: 1
the node is of chain-of-the-second; its metrics are of nothing
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
