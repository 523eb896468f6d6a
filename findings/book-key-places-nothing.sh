#!/usr/bin/env bash
# The "key" of CometBFT's addrbook.json.
#
# Expected: the book's random key is kept in the file so that an address has the same buckets after a restart: the same
#           key, address and source give the same bucket, for the node itself and for a tool that reads the book.
# Seen:     v0.38.26 hashes with a second random key of its own that is drawn at each start and written nowhere. A book
#           opened again with the same key in its file puts the same address, told by the same source, into another
#           bucket each time; after three more starts it is in four buckets, the most there may be.
# Matters:  where an entry stands in a published or moved book follows from nothing and can be neither checked nor worked
#           out again: whoever imports a book has to keep the numbers of the file. A long-lived book also holds an address
#           several times although only one source ever told it, so that buckets say little about how well it is known.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached.
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
mkdir -p source/cmd/reopens
cat > source/cmd/reopens/main.go <<'G'
// Opens the book in the file, as a node's start does, tells it of one address from one source, saves it.
package main

import (
	"fmt"
	"os"

	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/pex"
)

func address(id int, host string) *p2p.NetAddress {
	made, err := p2p.NewNetAddressString(fmt.Sprintf("%040x@%s:26656", id, host))
	if err != nil {
		panic(err)
	}
	return made
}

func main() {
	book := pex.NewAddrBook(os.Args[1], false)
	if err := book.Start(); err != nil {
		panic(err)
	}
	source := address(1, "198.51.100.7")
	for i := 0; i < 400; i++ { // a known address is added with a chance of one in two, four or six
		if err := book.AddAddress(address(2, "203.0.113.5"), source); err != nil {
			panic(err)
		}
	}
	if err := book.Stop(); err != nil {
		panic(err)
	}
	book.(interface{ Wait() }).Wait()
}
G
(cd source && timeout 240 go build -o "$work/reopens" ./cmd/reopens)

echo "one address, told 400 times by one source, in five runs of the book:"
python3 - <<'P'
import json, subprocess, sys

keys, counts = set(), []
for start in range(1, 6):
    subprocess.run(["./reopens", "book.json"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    with open("book.json") as file:
        book = json.load(file)
    keys.add(book["key"])
    buckets = book["addrs"][0]["buckets"]
    counts.append(len(buckets))
    print(f"  start {start}: key {book['key']}, buckets {buckets}")
if not (len(keys) == 1 and counts[0] == 1 and counts[-1] >= 3):
    sys.exit("CHANGED: the address stays where it was, or the key does not")
P
echo "as described"
