#!/usr/bin/env bash
# Which addresses CometBFT and Python's ipaddress hold for reachable from everywhere.
#
# Expected: "routable" (CometBFT, with addr_book_strict on) and `is_global` (Python) agree but for odd corners.
# Seen:     CometBFT v0.38.26 knows the private ranges of RFC 1918, link-local and a few of IPv6, and takes all the rest:
#           a carrier's or cloud's 100.64.0.0/10, the documentation and benchmark ranges, 240.0.0.0/4, multicast, and
#           6to4 and NAT64 forms of 10.0.0.1. Python refuses the first four, but calls multicast and NAT64 global, and
#           both take the documentation range 3fff::/20 where Python's tables are older than 2024.
# Matters:  a strict book keeps, serves and dials addresses that nobody can reach; 100.64.0.0/10 is what a node in a
#           cluster or behind a carrier announces. A second implementation that filters with is_global refuses a part of
#           what its peers send, and still needs its own look at multicast. Filter by list, and write the list down.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached. Nothing is dialled.
set -euo pipefail

comet=github.com/cometbft/cometbft@v0.38.26
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

echo "building against $comet"
export GOFLAGS="-mod=mod -buildvcs=false"
source_dir=$(timeout 120 go mod download -json "$comet" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
cp -r "$source_dir" source
chmod -R u+w source
mkdir -p source/cmd/judges
cat > source/cmd/judges/main.go <<'G'
// Prints for each address whether a strict book, the default, takes it.
package main

import (
	"fmt"
	"net"
	"os"

	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/pex"
)

func main() {
	book := pex.NewAddrBook(os.DevNull, true)
	for i, host := range os.Args[1:] {
		address, err := p2p.NewNetAddressString(fmt.Sprintf("%040x@%s", i, net.JoinHostPort(host, "26656")))
		if err != nil {
			panic(err)
		}
		fmt.Println(host, book.AddAddress(address, address) == nil)
	}
}
G
(cd source && timeout 240 go build -o "$work/judges" ./cmd/judges)

python3 - <<'P'
import ipaddress, platform, subprocess, sys

CASES = [
    # address, what it is, CometBFT takes it, Python says global (None: depends on the version)
    ("192.0.2.1", "documentation", True, False),
    ("198.51.100.1", "documentation", True, False),
    ("203.0.113.1", "documentation", True, False),
    ("198.18.0.1", "benchmarks", True, False),
    ("100.64.0.1", "carrier or cloud NAT", True, False),
    ("240.0.0.1", "reserved", True, False),
    ("224.0.0.1", "multicast", True, True),
    ("ff02::1", "multicast", True, True),
    ("64:ff9b::a00:1", "NAT64 of 10.0.0.1", True, True),
    ("2002:a00:1::1", "6to4 of 10.0.0.1", True, None),
    ("100::1", "discard only", True, False),
    ("3fff::1", "documentation", True, None),
    ("2001:db8::1", "documentation", False, False),
    ("10.0.0.1", "private", False, False),
    ("169.254.0.1", "link-local", False, False),
    ("fc00::1", "private", False, False),
    ("127.0.0.1", "loopback", False, False),
]
run = subprocess.run(["./judges", *(case[0] for case in CASES)], check=True, capture_output=True, text=True, timeout=60)
taken = {line.split()[0]: line.split()[1] == "true" for line in run.stdout.splitlines()}
changed = False
print(f"{'address':16} {'what it is':22} CometBFT v0.38.26   Python {platform.python_version()} is_global")
for host, what, comet, python in CASES:
    glob = ipaddress.ip_address(host).is_global
    right = taken[host] == comet and python in (None, glob)
    changed |= not right
    print(f"{host:16} {what:22} {'takes' if taken[host] else 'refuses':19} {'yes' if glob else 'no'}{'' if right else '   CHANGED'}")
sys.exit(changed)
P
echo "as described"
