//go:build !v034 && !v037

package main

func sendTo(peer libPeer, channel byte, data []byte) bool {
	return peer.Send(libEnvelope{ChannelID: channel, Message: &rawMessage{data: data}})
}

func trySendTo(peer libPeer, channel byte, data []byte) bool {
	return peer.TrySend(libEnvelope{ChannelID: channel, Message: &rawMessage{data: data}})
}

// Receive implements p2p.Reactor.
func (r *reactor) Receive(e libEnvelope) {
	r.receive(e.Src, e.ChannelID, e.Message.(*rawMessage).data)
}
