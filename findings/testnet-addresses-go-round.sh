#!/usr/bin/env bash
# `cometbft testnet --starting-ip-address`, with more nodes than are left in the last number of the address.
#
# Expected: addresses are counted up, 10.1.0.255 is followed by 10.1.1.0, or the command refuses to go on.
# Seen:     v0.38.26 counts up the last number alone: 10.1.0.255 is followed by 10.1.0.0, then by addresses below the first
#           one, and the 257th node has the address of the first. Exit code 0, nothing said, the lists of persistent peers
#           in all configurations are written so. With --v 4 and a start of 10.1.0.253 the third node is at the range's
#           broadcast address and the fourth at the address of the network itself, if it is a /24.
# Matters:  a network set up in a range of containers or machines that starts high, or has more than 255 members, comes up
#           with nodes that dial strangers, or each other's addresses for the wrong ID ("auth failure"), and the mistake is
#           in files that nobody wrote by hand. Start low enough that the last number stays below 255, or give each
#           --hostname.
#
# Needs: go, python3. Takes half a minute, some minutes when Go has nothing cached. No node is started.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for name in $(compgen -e | grep -E '^(CMT|TMHOME)' || true); do unset "$name"; done
cd "$work"

echo "building github.com/cometbft/cometbft@$comet"
GOBIN=$work GOFLAGS="-mod=mod" timeout 600 go install "github.com/cometbft/cometbft/cmd/cometbft@$comet"
cat > addresses.py <<'P'
# FOLDER: the addresses of the first node's persistent peers, in order, and how many of them differ.
import re, sys

with open(f"{sys.argv[1]}/node0/config/config.toml") as file:
    peers = re.search(r'^persistent_peers = "(.*)"$', file.read(), re.M)[1].split(",")
hosts = [peer.split("@")[1].removesuffix(":26656") for peer in peers]
if len(hosts) <= 6:
    print(*hosts)
else:
    print(f"{len(hosts)} nodes, {len(set(hosts))} addresses; the 1st {hosts[0]}, the 257th {hosts[256]}")
P
timeout 60 ./cometbft testnet --v 6 --o few --starting-ip-address 10.1.0.253 > few.log
python3 addresses.py few | tee seen.txt
timeout 120 ./cometbft testnet --v 1 --n 299 --o many --starting-ip-address 10.1.0.1 > many.log
python3 addresses.py many | tee -a seen.txt
cat > wanted.txt <<'T'
10.1.0.253 10.1.0.254 10.1.0.255 10.1.0.0 10.1.0.1 10.1.0.2
300 nodes, 256 addresses; the 1st 10.1.0.1, the 257th 10.1.0.1
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described (cometbft $(./cometbft version))"
