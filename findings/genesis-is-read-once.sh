#!/usr/bin/env bash
# A genesis.json that is corrected after a CometBFT node has been started with it for the first time.
#
# Expected: the node starts from the file that is there; or it says that the file is not the one of its first start.
# Seen:     v0.38.26 copies the file into its database at the first start, before any block, and from then on neither
#           compares nor mentions it. A node whose genesis_time is in 2150 "sleeps until then"; with the time corrected it
#           sleeps on. A file of another chain, in place of the first one's: the node stays on the first chain, under its
#           name. `reset-state` forgets the copy; the next start takes the file.
# Matters:  before a launch genesis files are corrected and handed out again. Whoever has tried the first version once runs
#           that one for good, is refused by everybody ("different network") or disagrees with them from the first block,
#           while `sha256sum config/genesis.json`, which is what everybody is asked for, is right. Ask the node for its
#           /genesis instead, or reset it before each new file. (While it sleeps, it has no RPC to ask.)
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. The node listens on loopback only.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
node=
stop() { if [ -n "$node" ]; then kill "$node" 2> /dev/null || true; wait "$node" 2> /dev/null || true; fi; node=; }
trap 'stop; rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building github.com/cometbft/cometbft@$comet"
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
timeout 20 ./cometbft init --home home > init.log
sed -i 's/^log_format = "plain"/log_format = "json"/' home/config/config.toml
cat > change.py <<'P'
# KEY VALUE: puts the value into genesis.json.
import json, sys

path = "home/config/genesis.json"
with open(path) as file:
    genesis = json.load(file)
genesis[sys.argv[1]] = sys.argv[2]
with open(path, "w") as file:
    json.dump(genesis, file)
P
read -r p2p rpc <<< "$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in sockets))')"
# Starts the node, and prints the first of the lines that tell what it is about: sleeping, or a chain's block.
run() { # WHAT
    timeout 60 ./cometbft start --home home --proxy_app kvstore --p2p.laddr "tcp://127.0.0.1:$p2p" \
        --rpc.laddr "tcp://127.0.0.1:$rpc" > node.log 2>&1 &
    node=$!
    timeout 40 python3 - "$1" "$rpc" <<'P' | tee -a seen.txt
import json, sys, time, urllib.request

what, port = sys.argv[1:]
while True:
    with open("node.log") as log:
        lines = log.read().splitlines()
    sleeping = [json.loads(line) for line in lines if "Sleeping until then" in line]
    if sleeping:
        print(f"{what}: sleeping until {sleeping[0]['genTime'][:4]}; mentions of genesis in its log:", sum("enesis" in line for line in lines))
        break
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
            status = json.load(answer)["result"]
        if int(status["sync_info"]["latest_block_height"]) > 0:
            print(f"{what}: makes blocks of {status['node_info']['network']}; mentions of genesis in its log:", sum("enesis" in line for line in lines))
            break
    except OSError:
        pass
    time.sleep(0.2)
P
    stop
}
python3 change.py chain_id first-chain
python3 change.py genesis_time 2150-01-01T00:00:00Z
run "first start"
python3 change.py genesis_time 2024-01-01T00:00:00Z
run "time corrected"
timeout 20 ./cometbft reset-state --home home > reset.log
run "after reset-state"
python3 change.py chain_id second-chain
run "file of another chain"

cat > wanted.txt <<'T'
first start: sleeping until 2150; mentions of genesis in its log: 1
time corrected: sleeping until 2150; mentions of genesis in its log: 1
after reset-state: makes blocks of first-chain; mentions of genesis in its log: 0
file of another chain: makes blocks of first-chain; mentions of genesis in its log: 0
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
