#!/usr/bin/env bash
# When CometBFT dials what one of its seeds has told it.
#
# Expected: addresses from a seed are dialled at once, as the source says ("without waiting"), whichever way the seed
#           is written down.
# Seen:     at once only if the address that the seed announces in its NodeInfo is, as ID, IP and port, the one that
#           stands in `seeds`. A seed that announces another one (its default 0.0.0.0:26656, a private address behind
#           NAT, another port) is no seed when it answers: with v0.38.26 what it told is dialled 29 s later, when the
#           next look at the peers is due. Both cases differ in the announced port alone.
# Matters:  a node that starts with nothing but such a seed has its first peers half a minute later. Whoever runs a seed
#           sets `external_address` to exactly what is published; whoever counts how fast a seed brings newcomers into
#           a network measures this otherwise.
#
# Needs: go, python3. Takes a minute, longer when Go has nothing cached. Listens on loopback only.
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
mkdir -p source/cmd/waits
cat > source/cmd/waits/main.go <<'G'
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/mock"
	"github.com/cometbft/cometbft/p2p/pex"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A seed that announces this port, wherever it was dialled.
type seed struct {
	*mock.Peer
	port int
}

func (s seed) NodeInfo() p2p.NodeInfo {
	return p2p.DefaultNodeInfo{DefaultNodeID: s.ID(), ListenAddr: fmt.Sprintf("127.0.0.1:%d", s.port)}
}

// How long it takes until what a seed tells is dialled.
func measure(name string, announced int) time.Duration {
	told, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	defer told.Close()
	dir, err := os.MkdirTemp(".", name)
	must(err)

	book := pex.NewAddrBook(filepath.Join(dir, "addrbook.json"), false)
	book.SetLogger(log.NewNopLogger())
	teller := seed{mock.NewPeer(net.IP{127, 0, 0, 1}), announced}
	written := fmt.Sprintf("%s@127.0.0.1:26656", teller.ID())
	reactor := pex.NewReactor(book, &pex.ReactorConfig{Seeds: []string{written}})
	reactor.SetLogger(log.NewNopLogger())
	sw := p2p.MakeSwitch(config.TestP2PConfig(), 1, func(_ int, made *p2p.Switch) *p2p.Switch {
		made.SetLogger(log.NewNopLogger())
		made.AddReactor("PEX", reactor)
		made.SetAddrBook(book)
		return made
	})
	sw.SetLogger(log.NewNopLogger())
	must(sw.Start())
	defer sw.Stop()
	time.Sleep(time.Second)

	reactor.RequestAddrs(teller)
	newcomer := p2p.NewNetAddress(mock.NewPeer(nil).ID(), told.Addr())
	began := time.Now()
	must(reactor.ReceiveAddrs([]*p2p.NetAddress{newcomer}, teller))
	told.(*net.TCPListener).SetDeadline(began.Add(45 * time.Second))
	conn, err := told.Accept()
	must(err)
	conn.Close()
	return time.Since(began)
}

func main() {
	testing.Init()
	flag.Parse()
	same := measure("same", 26656)
	fmt.Printf("announces what stands in seeds:  dialled after %.1f s\n", same.Seconds())
	other := measure("other", 26657)
	fmt.Printf("announces another port:          dialled after %.1f s\n", other.Seconds())
	if same > 5*time.Second || other < 20*time.Second {
		fmt.Println("CHANGED")
		os.Exit(1)
	}
}
G
(cd source && timeout 240 go build -o "$work/waits" ./cmd/waits)
timeout 120 ./waits
