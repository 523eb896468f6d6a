#!/usr/bin/env bash
# Two CometBFT nodes of which one has `max_packet_msg_payload_size = 4096` in [p2p] instead of 1024.
#
# Expected: a "maximum size of a message packet payload" is about the packets that a node cuts its messages into; or nodes
#           with different ones refuse each other when they shake hands, as they do with different networks.
# Seen:     the same number is the limit for what a node accepts, and nothing tells the other side. The two connect, and
#           one follows the other's blocks for as long as each message fits 1024 bytes. The first larger transaction ends
#           the connection, so does each reconnection, and the node with 1024 stays below that height for good. It logs
#           "message exceeds max size (3638 > 1034)"; the one whose setting is the odd one logs "EOF" and "connection
#           reset by peer". With 4096 in both the block comes through.
# Matters:  whoever raises the number to move large blocks faster cuts the node off from everybody who has not, and learns
#           it with the first large transaction, not at the start, from other people's logs. It is a number of the whole
#           network, though it stands among the settings of one node, and it can only be changed by all at once.
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
for home in raised usual; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i 's/^addr_book_strict = true/addr_book_strict = false/' $home/config/config.toml
done
cp raised/config/genesis.json usual/config/genesis.json
sed -i 's/^max_packet_msg_payload_size = 1024/max_packet_msg_payload_size = 4096/' raised/config/config.toml
read -r p2p raised other usual <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))')"
id_raised=$(timeout 20 ./cometbft show-node-id --home raised)
start_usual() {
    timeout 100 ./cometbft start --home usual --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$other" \
        --rpc.laddr "tcp://127.0.0.1:$usual" --p2p.persistent_peers "$id_raised@127.0.0.1:$p2p" > "$1" 2>&1 &
    nodes[usual]=$!
}
timeout 110 ./cometbft start --home raised --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$raised" > raised.log 2>&1 &
nodes[raised]=$!
start_usual usual.log

cat > asks.py <<'P'
# wait HEIGHT PORT ...: until these nodes have this block. send PORT: a transaction of 3,000 bytes, prints its height.
# height PORT: the newest block.
import json, sys, time, urllib.request


def ask(port, route):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{route}", timeout=20) as answer:
        return json.load(answer)["result"]


def height(port):
    try:
        return int(ask(port, "status")["sync_info"]["latest_block_height"])
    except OSError:
        return 0


if sys.argv[1] == "wait":
    end = time.monotonic() + 40
    for port in sys.argv[3:]:
        while height(port) < int(sys.argv[2]):
            if time.monotonic() > end:
                sys.exit(f"CHANGED: the node did not come to height {sys.argv[2]}")
            time.sleep(0.2)
elif sys.argv[1] == "send":
    print(ask(sys.argv[2], "broadcast_tx_commit?tx=%22large=" + "x" * 2994 + "%22")["height"])
else:
    print(height(sys.argv[2]))
P
said() { # FILE: why it stopped its peer, and how often
    sed 's/\x1b\[[0-9;]*m//g' "$1" | { grep 'Stopping peer for error' || true; } |
        sed -E 's/.*err=//; s/[0-9.]+:[0-9]+/…/g' | sort | uniq -c | sed 's/^ */  /'
}

echo "cometbft $(./cometbft version), one node with 4096, one with 1024"
python3 asks.py wait 4 "$raised" "$usual"
echo "both have block 4; the node with 1024 stopped its peer $(said usual.log | wc -l) times"
at=$(python3 asks.py send "$raised")
python3 asks.py wait $((at + 8)) "$raised"
behind=$(python3 asks.py height "$usual")
echo "block $at has a transaction of 3,000 bytes; later one node has block $((at + 8)), the other $behind"
echo "log of the node with 1024, why it stopped its peer, and how often:"; said usual.log | tee usual.txt
echo "log of the node with 4096:"; said raised.log | tee raised.txt
stop usual
sed -i 's/^max_packet_msg_payload_size = 1024/max_packet_msg_payload_size = 4096/' usual/config/config.toml
start_usual both.log
python3 asks.py wait "$at" "$usual"
echo "with 4096 in both: the other node has block $(python3 asks.py height "$usual")"

[ "$behind" -eq $((at - 1)) ] || { echo "CHANGED: the node did not stay behind"; exit 1; }
grep -q 'message exceeds max size' usual.txt || { echo "CHANGED: another reason"; exit 1; }
! grep -q 'exceeds' raised.txt || { echo "CHANGED: both name the reason"; exit 1; }
echo "as described"
