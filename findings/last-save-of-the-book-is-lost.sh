#!/usr/bin/env bash
# What a CometBFT node learned of its peers before SIGTERM.
#
# Expected: a node that is told to stop saves its address book, as its log says: "Saving AddrBook to file size=3001".
# Seen:     v0.38.26 saves in the background while the rest stops, and ends, with exit code 0, without waiting. A book of
#           a few addresses usually makes it; one of 3,000 never did here. What stays is the save of every two minutes:
#           a stop costs what was learned since.
# Matters:  a node that is restarted often, or a seed that is stopped after a crawl, starts from an older book than its
#           log promises, and neither the log nor the exit code shows it. A backup taken after a clean stop is not the
#           newest state either. Whoever writes such a node: wait for the last save, and fail loudly when it did not end.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached. Both nodes listen and dial on loopback only.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
declare -A nodes=()
stop() { # NAME: SIGTERM, then its exit code
    local pid=${nodes[$1]} code=0
    unset "nodes[$1]"
    kill -TERM "$pid" 2> /dev/null || true
    wait "$pid" || code=$?
    echo $code > code
}
cleanup() {
    for name in "${!nodes[@]}"; do stop "$name"; done
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap cleanup EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
(cd source && timeout 240 go build -o "$work/cometbft" ./cmd/cometbft)
echo "cometbft $(./cometbft version)"

cat > book.py <<'P'
# write FILE: a book of 3,000 addresses. count FILE ID: how many it has, and whether ID is one.
import json, sys

NEVER = "0001-01-01T00:00:00Z"

def entry(i):
    address = {"id": f"{i:040x}", "ip": f"127.1.{i // 250}.{i % 250}", "port": 1}
    times = {"last_attempt": "2024-01-01T00:00:00Z", "last_success": NEVER, "last_ban_time": NEVER}
    return {"addr": address, "src": address, "buckets": [i % 256], "attempts": 0, "bucket_type": 1, **times}

if sys.argv[1] == "write":
    with open(sys.argv[2], "w") as file:
        json.dump({"key": "0123456789abcdef01234567", "addrs": [entry(i) for i in range(1, 3001)]}, file)
else:
    with open(sys.argv[2]) as file:
        ids = {one["addr"]["id"] for one in json.load(file)["addrs"]}
    print(len(ids), "with the new one" if sys.argv[3] in ids else "without the new one")
P
cat > met.py <<'P'
# Waits until the node behind the port has a peer.
import json, sys, time, urllib.request

for _ in range(100):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/net_info", timeout=5) as answer:
            if json.load(answer)["result"]["peers"]:
                time.sleep(1)  # the address is put into the book right behind
                sys.exit(0)
    except OSError:
        pass
    time.sleep(0.2)
sys.exit("the nodes did not meet")
P

for home in stopped other; do
    timeout 20 ./cometbft init --home $home > init.log
    sed -i -e 's/^addr_book_strict = true/addr_book_strict = false/' \
        -e 's/^max_num_outbound_peers = .*/max_num_outbound_peers = 0/' $home/config/config.toml
done
cp stopped/config/genesis.json other/config/genesis.json
id_stopped=$(timeout 20 ./cometbft show-node-id --home stopped)
id_other=$(timeout 20 ./cometbft show-node-id --home other)

start() { # NAME P2P RPC [ARGUMENT ...]
    local name=$1 p2p=$2 rpc=$3; shift 3
    timeout 60 ./cometbft start --home "$name" --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
        --rpc.laddr "tcp://127.0.0.1:$rpc" "$@" > "$name.log" 2>&1 &
    nodes[$name]=$!
}
lost=0
for try in 1 2 3; do
    read -r a b c d <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(one.getsockname()[1] for one in sockets))')"
    python3 book.py write stopped/config/addrbook.json
    start stopped "$a" "$b"
    start other "$c" "$d" --p2p.persistent_peers "$id_stopped@127.0.0.1:$a"
    timeout 40 python3 met.py "$b"
    stop stopped; code=$(cat code)
    stop other
    said=$(sed 's/\x1b\[[0-9;]*m//g' stopped.log | grep 'Saving AddrBook' | tail -1 | sed 's/.*size=/size=/; s/ .*//')
    seen=$(python3 book.py count stopped/config/addrbook.json "$id_other")
    echo "stop $try: exit code $code, the log's last \"Saving AddrBook to file\" has $said; in the file: $seen"
    [ "$code $said $seen" = "0 size=3001 3000 without the new one" ] && lost=$((lost + 1))
done
[ $lost -ge 2 ] || { echo "CHANGED: $lost of 3 last saves were lost"; exit 1; }
echo "as described"
