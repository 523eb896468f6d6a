//go:build v037

package main

import (
	pb "github.com/cometbft/cometbft/proto/tendermint/p2p"
	"github.com/cometbft/cometbft/version"
)

type libNodeInfoMessage = pb.DefaultNodeInfo

var libVersion = version.TMCoreSemVer

func sendTo(peer libPeer, channel byte, data []byte) bool {
	return peer.SendEnvelope(libEnvelope{ChannelID: channel, Message: &rawMessage{data: data}})
}

func trySendTo(peer libPeer, channel byte, data []byte) bool {
	return peer.TrySendEnvelope(libEnvelope{ChannelID: channel, Message: &rawMessage{data: data}})
}

// broadcastAll returns a function that waits until each peer's queue has it, or 10 s.
func broadcastAll(b *switchBackend, channel byte, data []byte) (wait func()) {
	accepted := b.sw.BroadcastEnvelope(libEnvelope{ChannelID: channel, Message: &rawMessage{data: data}})
	return func() {
		for range accepted {
		}
	}
}

// ReceiveEnvelope implements p2p.Reactor.
func (r *reactor) ReceiveEnvelope(e libEnvelope) {
	r.receive(e.Src, e.ChannelID, e.Message.(*rawMessage).data)
}
