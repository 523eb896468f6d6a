package main

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// unlistened is the self-reported address of who does not listen: it must parse.
const unlistened = "127.0.0.1:1"

// switchBackend is CometBFT's own Switch over its MultiplexTransport.
type switchBackend struct {
	hub       *hub
	sw        *libSwitch
	transport *libTransport
	book      libAddrBook
	pex       *libPexReactor
}

// peerLink is a link that the switch made.
type peerLink struct {
	peer    libPeer
	backend *switchBackend
}

func (l *peerLink) send(channel byte, data []byte) bool    { return sendTo(l.peer, channel, data) }
func (l *peerLink) trySend(channel byte, data []byte) bool { return trySendTo(l.peer, channel, data) }
func (l *peerLink) running() bool                          { return l.peer.IsRunning() }
func (l *peerLink) status() any                            { return l.peer.Status() }

func (l *peerLink) stop(flush bool) {
	if flush {
		l.peer.FlushStop()
	}
	l.backend.sw.StopPeerGracefully(l.peer)
}

// reactor hands everything to the hub.
type reactor struct {
	libBaseReactor
	backend  *switchBackend
	channels []*libChannel
	links    sync.Map // libPeer to *peerLink
}

func (r *reactor) GetChannels() []*libChannel { return r.channels }

// InitPeer implements p2p.Reactor.
func (r *reactor) InitPeer(peer libPeer) libPeer {
	l := &peerLink{peer, r.backend}
	r.links.Store(peer, l)
	return peer
}

// AddPeer implements p2p.Reactor.
func (r *reactor) AddPeer(peer libPeer) {
	l, ok := r.links.Load(peer)
	if !ok {
		return
	}
	r.backend.hub.connected(string(peer.ID()), l.(*peerLink))
	info, _ := peer.NodeInfo().(libNodeInfo)
	r.backend.hub.events.emit("peer_added", fields{
		"peer": peer.ID(), "outbound": peer.IsOutbound(), "persistent": peer.IsPersistent(), "address": peer.SocketAddr().String(), "node_info": info,
	})
}

// RemovePeer implements p2p.Reactor.
func (r *reactor) RemovePeer(peer libPeer, reason any) {
	if l, ok := r.links.LoadAndDelete(peer); ok {
		r.backend.hub.disconnected(string(peer.ID()), l.(*peerLink))
	}
	r.backend.hub.events.emit("peer_removed", fields{"peer": peer.ID(), "reason": reasonText(reason)})
}

func (r *reactor) receive(peer libPeer, channel byte, data []byte) {
	if l, ok := r.links.Load(peer); ok {
		r.backend.hub.message(string(peer.ID()), l.(*peerLink), channel, data)
	}
}

func reasonText(reason any) string {
	if reason == nil {
		return ""
	}
	return fmt.Sprint(reason)
}

// newSwitchBackend returns the backend and the address it listens on ("" if it does not).
func newSwitchBackend(o *options, h *hub, key libPrivKey, logger libLogger) (*switchBackend, string, error) {
	nodeKey := libNodeKey{PrivKey: key}
	id := libPubKeyToID(key.PubKey())
	address, err := freeAddress(o.Listen)
	if err != nil {
		return nil, "", err
	}
	announced := address
	if announced == "" {
		announced = unlistened
	}
	info := o.nodeInfo(id, announced)
	b := &switchBackend{hub: h}
	b.transport = libNewTransport(info, nodeKey, o.mconnConfig())
	limit := o.MaxNumInboundPeers + len(o.UnconditionalPeerIDs)
	libMaxIncoming(limit)(b.transport)
	if !o.AllowDuplicateIP {
		libConnFilters(libDuplicateIPFilter())(b.transport)
	}
	b.sw = libNewSwitch(o.p2pConfig(), b.transport)
	b.sw.SetLogger(logger)

	r := &reactor{backend: b, channels: o.channelDescriptors()}
	r.libBaseReactor = *libNewBaseReactor("GOPEER", r)
	r.SetLogger(logger)
	b.sw.AddReactor("GOPEER", r)
	b.sw.SetNodeKey(&nodeKey)
	b.sw.SetNodeInfo(info)

	b.book = libNewAddrBook(o.AddrBookFile, o.AddrBookStrict)
	b.book.SetLogger(logger)
	if own, err := info.NetAddress(); err == nil {
		b.book.AddOurAddress(own)
	}
	b.book.AddPrivateIDs(o.PrivatePeerIDs)
	b.sw.SetAddrBook(b.book)
	if o.Pex {
		b.pex = libNewPexReactor(b.book, &libPexConfig{Seeds: o.Seeds, SeedMode: o.SeedMode, SeedDisconnectWaitPeriod: milliseconds(28 * 3600 * 1000)})
		b.pex.SetLogger(logger)
		if o.EnsurePeersPeriodMs > 0 {
			b.pex.SetEnsurePeersPeriod(milliseconds(o.EnsurePeersPeriodMs))
		}
		b.sw.AddReactor("PEX", b.pex)
	}
	if err := b.sw.AddUnconditionalPeerIDs(o.UnconditionalPeerIDs); err != nil {
		return nil, "", err
	}
	if err := b.sw.AddPersistentPeers(o.PersistentPeers); err != nil {
		return nil, "", err
	}
	if address != "" {
		listen, err := libParseAddress(fmt.Sprintf("%s@%s", id, address))
		if err != nil {
			return nil, "", err
		}
		if err := b.transport.Listen(*listen); err != nil {
			return nil, "", err
		}
	}
	if err := b.sw.Start(); err != nil {
		return nil, "", err
	}
	if err := b.sw.DialPeersAsync(o.PersistentPeers); err != nil {
		return nil, "", err
	}
	return b, address, nil
}

// dial waits until the peer is connected or refused.
func (b *switchBackend) dial(text string) (string, error) {
	address, err := libParseAddress(text)
	if err != nil {
		return "", err
	}
	return string(address.ID), b.sw.DialPeerWithAddress(address)
}

func (b *switchBackend) close() {
	b.transport.Close()
	b.sw.Stop()
}

// freeAddress replaces port 0 by a free one: MultiplexTransport does not tell which one it got.
func freeAddress(listen string) (string, error) {
	if listen == "" {
		return "", nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// addError puts an error and what CometBFT says it is into an event.
func addError(f fields, err error) {
	f["error"] = err.Error()
	f["kind"] = "other"
	var rejected libErrRejected
	if !errors.As(err, &rejected) {
		return
	}
	switch {
	case rejected.IsAuthFailure():
		f["kind"] = "auth_failure"
	case rejected.IsNodeInfoInvalid():
		f["kind"] = "node_info_invalid"
	case rejected.IsSelf():
		f["kind"] = "self"
	case rejected.IsIncompatible():
		f["kind"] = "incompatible"
	case rejected.IsDuplicate():
		f["kind"] = "duplicate"
	case rejected.IsFiltered():
		f["kind"] = "filtered"
	}
}
