//go:build !v034 && !v037 && !v1

package main

import (
	pb "github.com/cometbft/cometbft/proto/tendermint/p2p"
	"github.com/cometbft/cometbft/version"
)

type libNodeInfoMessage = pb.DefaultNodeInfo

var libVersion = version.TMCoreSemVer

// broadcastAll returns a function that waits until each peer's queue has it, or 10 s.
func broadcastAll(b *switchBackend, channel byte, data []byte) (wait func()) {
	accepted := b.sw.Broadcast(libEnvelope{ChannelID: channel, Message: &rawMessage{data: data}})
	return func() {
		for range accepted {
		}
	}
}
