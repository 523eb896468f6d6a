#!/usr/bin/env bash
# A peer that CometBFT's address book bans for 24 hours, and the "last_ban_time" of addrbook.json.
#
# Expected: the book that is saved tells the ban, as each of its entries has a `last_ban_time`: after a restart within the
#           day the address is still banned.
# Seen:     v0.38.26 keeps banned addresses apart, in memory, and saves the others only. A ban takes the address out of the
#           file; the book that is opened from it does not know it at all, and takes it as new from whoever tells it,
#           without attempts or marks of its past. Once a ban has ended and the address is reinstated, `last_ban_time` is
#           written: not when the ban was given but when it ended.
# Matters:  a restart forgives all, the misbehaving and those that could not be authenticated; books that are published or
#           backed up show who was banned once, never who is. In a reader of books a `last_ban_time` is no reason to avoid
#           an address; bans that shall last belong in a firewall or a file of one's own.
#
# Needs: go. Takes half a minute, longer when Go has nothing cached. Nothing is dialled.
set -euo pipefail

comet=v0.38.26
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOFLAGS="-mod=mod -buildvcs=false"
cd "$work"

cat > main.go <<'G'
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/pex"
)

const file = "addrbook.json"

func address(digit string) *p2p.NetAddress {
	found, err := p2p.NewNetAddressString(strings.Repeat(digit, 40) + "@127.0.0." + digit + ":26656")
	if err != nil {
		panic(err)
	}
	return found
}

// bans are the "last_ban_time" of each address in the file.
func bans() map[string]time.Time {
	contents, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	var saved struct {
		Addrs []struct {
			Addr        struct{ ID string }
			LastBanTime time.Time `json:"last_ban_time"`
		}
	}
	if err := json.Unmarshal(contents, &saved); err != nil {
		panic(err)
	}
	found := map[string]time.Time{}
	for _, one := range saved.Addrs {
		found[one.Addr.ID[:1]] = one.LastBanTime
	}
	return found
}

func open() pex.AddrBook {
	book := pex.NewAddrBook(file, false)
	if err := book.Start(); err != nil {
		panic(err)
	}
	return book
}

func close(book pex.AddrBook) {
	book.Save()
	if err := book.Stop(); err != nil {
		panic(err)
	}
	book.(interface{ Wait() }).Wait()
}

func main() {
	good, bad, short := address("1"), address("2"), address("3")
	book := open()
	for _, one := range []*p2p.NetAddress{good, bad, short} {
		if err := book.AddAddress(one, good); err != nil {
			panic(err)
		}
	}
	given := time.Now()
	book.MarkBad(bad, 24*time.Hour)
	book.MarkBad(short, time.Second)
	fmt.Println("banned before the restart:", book.IsBanned(bad), "told again:", book.AddAddress(bad, good) == nil)
	time.Sleep(1500 * time.Millisecond)
	book.ReinstateBadPeers()
	close(book)

	saved := bans()
	_, there := saved["2"]
	fmt.Println("in the file while banned:", there)
	fmt.Println("never banned:", saved["1"].Format(time.RFC3339))
	fmt.Println("banned once, for a second: written", saved["3"].Sub(given).Round(time.Second), "after the ban was given")

	book = open()
	fmt.Println("banned after the restart:", book.IsBanned(bad), "known:", book.HasAddress(bad),
		"told again:", book.AddAddress(bad, good) == nil)
	close(book)
	fmt.Println("now in the file:", bans()["2"].Format(time.RFC3339))
}
G
go mod init finding > init.log 2>&1
timeout 120 go get "github.com/cometbft/cometbft@$comet" > get.log 2>&1 || { cat get.log; exit 1; }
timeout 400 go build -o finding .
echo "CometBFT $comet"
timeout 60 ./finding | tee seen.txt
cat > wanted.txt <<'T'
banned before the restart: true told again: false
in the file while banned: false
never banned: 0001-01-01T00:00:00Z
banned once, for a second: written 1s after the ban was given
banned after the restart: false known: false told again: true
now in the file: 0001-01-01T00:00:00Z
T
diff wanted.txt seen.txt || { echo "CHANGED"; exit 1; }
echo "as described"
