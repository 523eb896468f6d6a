#!/usr/bin/env bash
# Whom CometBFT's address book takes for the source of what default nodes tell it.
#
# Expected: addresses told by a thousand nodes in a thousand networks spread over the book; the limit of 32 of the 256
#           new buckets per source group keeps any one network from filling it.
# Seen:     the source is the address that the teller announces, not the one that it was met at, and a v0.38.26 node with
#           its default configuration announces 0.0.0.0:26656. So all default nodes are one group: of 4,000 addresses
#           that 4,000 such nodes tell, half stay, in at most 32 buckets of 65. The same addresses told by nodes that
#           announce where they are stay, all of them.
# Matters:  most nodes keep the default (in published books the source 0.0.0.0 is common), so a book fills early and
#           then forgets one address for each that it learns. Set `external_address`; in a book of one's own take the
#           address that was seen when the announced one is unspecified, and expect imports to be lopsided.
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
mkdir -p source/cmd/tells
cat > source/cmd/tells/main.go <<'G'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/pex"
)

const count = 4000

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// place gives every i its own network (a group of IPv6 is a /32) in the range for documentation, 3fff::/20.
func place(i int) string {
	return fmt.Sprintf("[3fff:%x::7]:26656", i%4096)
}

// tell fills a strict book, as a node with default settings has, and reads how it was saved.
func tell(name string, announced func(i int) string) (kept, buckets int) {
	book := pex.NewAddrBook(name, config.DefaultP2PConfig().AddrBookStrict)
	must(book.Start())
	for i := 0; i < count; i++ {
		// What the reactor does with an answer: the source is the address in the peer's NodeInfo.
		teller := p2p.DefaultNodeInfo{DefaultNodeID: p2p.ID(fmt.Sprintf("%040x", 100000+i)), ListenAddr: announced(i)}
		source, err := teller.NetAddress()
		must(err)
		told, err := p2p.NewNetAddressString(fmt.Sprintf("%040x@%s", i, place(i)))
		must(err)
		must(book.AddAddress(told, source))
	}
	must(book.Stop())
	book.(interface{ Wait() }).Wait()

	text, err := os.ReadFile(name)
	must(err)
	var saved struct{ Addrs []struct{ Buckets []int } }
	must(json.Unmarshal(text, &saved))
	used := map[int]bool{}
	for _, entry := range saved.Addrs {
		for _, number := range entry.Buckets {
			used[number] = true
		}
	}
	return len(saved.Addrs), len(used)
}

func main() {
	standard := config.DefaultP2PConfig().ListenAddress
	kept, buckets := tell("default.json", func(int) string { return standard })
	fmt.Printf("%d tellers that announce %s: %d of %d addresses kept in %d buckets\n", count, standard, kept, count, buckets)
	own, spread := tell("own.json", func(i int) string { return "tcp://" + place(i*2731+1) })
	fmt.Printf("%d tellers that announce their own address: %d of %d addresses kept in %d buckets\n", count, own, count, spread)
	if kept > count/2+200 || buckets > 32 || own < count-100 || spread < 240 {
		fmt.Println("CHANGED")
		os.Exit(1)
	}
}
G
(cd source && timeout 240 go build -o "$work/tells" ./cmd/tells)
timeout 60 ./tells > output.log || { grep -E '^[0-9]+ tellers|CHANGED' output.log; exit 1; }
grep -E '^[0-9]+ tellers' output.log
echo "as described"
