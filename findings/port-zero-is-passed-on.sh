#!/usr/bin/env bash
# A CometBFT node that lets the system choose its port.
#
# Expected: with `laddr = "tcp://127.0.0.1:0"` a node announces the port that it was given, or none.
# Seen:     CometBFT v0.38.26 announces port 0, in NodeInfo and in its own `status`, while it listens on another. A node
#           that it connects to takes "127.0.0.1:0" into its address book as a valid address and saves it; the port that
#           the node does listen on is shown by no RPC route and no log line. `net_info` says listening and, of where,
#           "Listener(@)".
# Matters:  this is where the entries with port 0 in published address books can come from; nobody can dial them, but
#           they are kept and told on. A reader of such books has to bear them, and a test that starts nodes on free
#           ports has to choose the port itself. `laddr` with port 0 is only for nodes that nobody shall find.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached. Both nodes listen on loopback only.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
nodes=()
stop() {
    for node in "${nodes[@]}"; do kill "$node" 2> /dev/null || true; done
    for node in "${nodes[@]}"; do wait "$node" 2> /dev/null || true; done
    nodes=()
}
trap 'stop; chmod -R u+w "$work"; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
(cd source && timeout 240 go build -o "$work/cometbft" ./cmd/cometbft)
echo "cometbft $(./cometbft version)"

for home in here there; do timeout 20 ./cometbft init --home $home > init.log; done
cp here/config/genesis.json there/config/genesis.json
sed -i 's/^addr_book_strict = true/addr_book_strict = false/' here/config/config.toml there/config/config.toml
read -r p2p rpc other <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(one.getsockname()[1] for one in sockets))')"
id_here=$(timeout 20 ./cometbft show-node-id --home here)
id_there=$(timeout 20 ./cometbft show-node-id --home there)

timeout 100 ./cometbft start --home there --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
    --rpc.laddr "tcp://127.0.0.1:$other" --rpc.unsafe > there.log 2>&1 & nodes+=($!)
timeout 100 ./cometbft start --home here --proxy_app kvstore --p2p.laddr tcp://127.0.0.1:0 \
    --p2p.persistent_peers "$id_there@127.0.0.1:$p2p" --rpc.laddr "tcp://127.0.0.1:$rpc" > here.log 2>&1 & nodes+=($!)

cat > looks.py <<'P'
import json, sys, time, urllib.request

def ask(port, route):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{route}", timeout=5) as answer:
        return json.load(answer)["result"]

rpc, other = sys.argv[1:]
for _ in range(120):
    try:
        if ask(other, "net_info")["peers"]:
            break
    except OSError:
        pass
    time.sleep(0.25)
else:
    sys.exit("the nodes did not meet")
own, info, peer = ask(rpc, "status"), ask(rpc, "net_info"), ask(other, "net_info")["peers"][0]
print("status of the node:        listen_addr", own["node_info"]["listen_addr"])
print("net_info of the node:      listening", info["listening"], "listeners", info["listeners"])
print("net_info of its peer:      listen_addr", peer["node_info"]["listen_addr"])
zero = "tcp://127.0.0.1:0"
right = own["node_info"]["listen_addr"] == zero == peer["node_info"]["listen_addr"] and info["listeners"] == ["Listener(@)"]
sys.exit(0 if right else "CHANGED")
P
timeout 60 python3 looks.py "$rpc" "$other"
python3 - "${nodes[1]}" <<'P'
import os, sys

# The children of `timeout` hold the sockets; a listening one is in state 0A in /proc/net/tcp.
children = open(f"/proc/{sys.argv[1]}/task/{sys.argv[1]}/children").read().split()
inodes = set()
for name in os.listdir(f"/proc/{children[0]}/fd"):
    try:
        inodes.add(os.readlink(f"/proc/{children[0]}/fd/{name}"))
    except FileNotFoundError:
        pass
lines = [line.split() for line in open("/proc/net/tcp").readlines()[1:]]
ports = {int(line[1].split(":")[1], 16) for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in inodes}
print("ports it does listen on:  ", *sorted(ports), "(one of them the RPC)")
P
# A node saves its book when it is asked to dial; its own address is the one that leads nowhere.
python3 - "$id_here" "http://127.0.0.1:$other/dial_peers?peers=%5B%22$id_there@127.0.0.1:$p2p%22%5D" <<'P'
import json, sys, urllib.request

urllib.request.urlopen(sys.argv[2], timeout=10).read()
with open("there/config/addrbook.json") as file:
    entries = {entry["addr"]["id"]: entry["addr"] for entry in json.load(file)["addrs"]}
kept = entries.get(sys.argv[1])
print("address book of its peer: ", kept)
sys.exit(0 if kept and kept["port"] == 0 else "CHANGED")
P
echo "as described"
