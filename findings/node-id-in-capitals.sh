#!/usr/bin/env bash
# A node ID written in capitals among the persistent peers of a CometBFT node.
#
# Expected: an ID is hexadecimal, so its case means nothing, as it means nothing in the block hashes and validator addresses
#           that the same node prints in capitals; or the configuration is refused, as it is with a letter that is no digit.
# Seen:     v0.38.26 accepts it, dials, is answered by the right key, and hangs up: "auth failure: conn.ID (570a…) dialed ID
#           (570A…) mismatch", at every try. It keeps the address in its address book, in capitals. The one that is dialled
#           logs nothing with that ID. The same address in small letters connects at once.
# Matters:  the message reads like an impostor at that address. An ID that went through a database, a spreadsheet or a tool
#           that prints hexadecimal in capitals costs the connection, and leaves entries in books that others read. Readers
#           of configurations, books and PEX messages should make IDs lower case.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. Both nodes listen and dial on loopback
# only.
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
for home in dialled dialler; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i -e 's/^addr_book_strict = true/addr_book_strict = false/' \
        -e 's/^allow_duplicate_ip = false/allow_duplicate_ip = true/' $home/config/config.toml
done
cp dialled/config/genesis.json dialler/config/genesis.json
read -r -a ports <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))')"
start() { # NAME P2P RPC PEERS
    timeout 150 ./cometbft start --home "$1" --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$2" \
        --rpc.laddr "tcp://127.0.0.1:$3" --p2p.persistent_peers "$4" > "$1.log" 2>&1 &
    nodes[$1]=$!
}
wait_for() { # NAME TEXT: until the node's log has the text
    for _ in $(seq 600); do
        if grep -qF "$2" "$1.log" 2> /dev/null; then return; fi
        sleep 0.1
    done
    echo "CHANGED: $1 never logged: $2"; exit 1
}
cat > peers.py <<'P'
# PORT ID: whether the node behind the RPC port has the peer.
import json, sys, urllib.request

with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/net_info", timeout=10) as answer:
    print("connected" if sys.argv[2] in [one["node_info"]["id"] for one in json.load(answer)["result"]["peers"]] else "apart")
P

id=$(timeout 20 ./cometbft show-node-id --home dialled)
failure="auth failure: conn.ID ($id) dialed ID (${id^^}) mismatch"
start dialled "${ports[0]}" "${ports[1]}" ""
wait_for dialled "Starting RPC HTTP server"
start dialler "${ports[2]}" "${ports[3]}" "${id^^}@127.0.0.1:${ports[0]}"
wait_for dialler "$failure"
echo "in capitals: $(timeout 20 python3 peers.py "${ports[3]}" "$id"), $failure" | sed "s/$id/id/; s/${id^^}/ID/" | tee seen.txt
echo "at the one that is dialled: $(grep -cF "${id^^}" dialled.log || true) lines with it" | tee -a seen.txt
stop dialler
grep -qF "\"${id^^}\"" dialler/config/addrbook.json && echo "book of the dialler: has the capitals" | tee -a seen.txt
start dialler "${ports[2]}" "${ports[3]}" "$id@127.0.0.1:${ports[0]}"
for _ in $(seq 100); do
    now=$(timeout 20 python3 peers.py "${ports[3]}" "$id" 2> /dev/null || true)
    if [ "$now" = connected ]; then break; fi
    sleep 0.2
done
echo "in small letters: $now" | tee -a seen.txt

cat > wanted.txt <<'T'
in capitals: apart, auth failure: conn.ID (id) dialed ID (ID) mismatch
at the one that is dialled: 0 lines with it
book of the dialler: has the capitals
in small letters: connected
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
