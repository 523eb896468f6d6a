//go:build v1

package main

import (
	"sync"

	pb "github.com/cometbft/cometbft/api/cometbft/p2p/v1"
	"github.com/cometbft/cometbft/version"
)

type libNodeInfoMessage = pb.DefaultNodeInfo

var libVersion = version.CMTSemVer

// broadcastAll is what v1's Switch.Broadcast does, only that one can wait for it: returns a function that
// waits until each peer's queue has it, or 10 s.
func broadcastAll(b *switchBackend, channel byte, data []byte) (wait func()) {
	var group sync.WaitGroup
	b.sw.Peers().ForEach(func(peer libPeer) {
		group.Add(1)
		go func() {
			defer group.Done()
			sendTo(peer, channel, data)
		}()
	})
	return group.Wait
}
