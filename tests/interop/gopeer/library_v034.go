//go:build v034

// CometBFT v0.34 is a module that calls itself github.com/tendermint/tendermint (see library.go for the rest).

package main

import (
	"github.com/gogo/protobuf/proto"
	"github.com/tendermint/tendermint/config"
	"github.com/tendermint/tendermint/crypto"
	"github.com/tendermint/tendermint/crypto/ed25519"
	"github.com/tendermint/tendermint/crypto/secp256k1"
	"github.com/tendermint/tendermint/libs/log"
	"github.com/tendermint/tendermint/p2p"
	"github.com/tendermint/tendermint/p2p/conn"
	"github.com/tendermint/tendermint/p2p/pex"
	pb "github.com/tendermint/tendermint/proto/tendermint/p2p"
	"github.com/tendermint/tendermint/version"
)

type (
	libMessage          = proto.Message
	libPrivKey          = crypto.PrivKey
	libEd25519Key       = ed25519.PrivKey
	libSecp256k1Key     = secp256k1.PrivKey
	libLogger           = log.Logger
	libP2PConfig        = config.P2PConfig
	libPeer             = p2p.Peer
	libID               = p2p.ID
	libSwitch           = p2p.Switch
	libTransport        = p2p.MultiplexTransport
	libTransportOption  = p2p.MultiplexTransportOption
	libConnFilter       = p2p.ConnFilterFunc
	libNodeKey          = p2p.NodeKey
	libNodeInfo         = p2p.DefaultNodeInfo
	libNodeInfoMessage  = pb.DefaultNodeInfo
	libNodeInfoOther    = p2p.DefaultNodeInfoOther
	libErrRejected      = p2p.ErrRejected
	libBaseReactor      = p2p.BaseReactor
	libNetAddress       = p2p.NetAddress
	libEnvelope         = p2p.Envelope
	libChannel          = conn.ChannelDescriptor
	libMConnConfig      = conn.MConnConfig
	libMConnection      = conn.MConnection
	libSecretConnection = conn.SecretConnection
	libAddrBook         = pex.AddrBook
	libPexConfig        = pex.ReactorConfig
	libPexReactor       = pex.Reactor
)

var (
	libVersion                    = version.TMCoreSemVer
	libP2PProtocol                = version.P2PProtocol
	libBlockProtocol              = version.BlockProtocol
	libDefaultP2PConfig           = config.DefaultP2PConfig
	libMConnConfigOf              = p2p.MConnConfig
	libNewTransport               = p2p.NewMultiplexTransport
	libConnFilters                = p2p.MultiplexTransportConnFilters
	libMaxIncoming                = p2p.MultiplexTransportMaxIncomingConnections
	libDuplicateIPFilter          = p2p.ConnDuplicateIPFilter
	libNewSwitch                  = p2p.NewSwitch
	libNewBaseReactor             = p2p.NewBaseReactor
	libNewProtocolVersion         = p2p.NewProtocolVersion
	libPubKeyToID                 = p2p.PubKeyToID
	libParseAddress               = p2p.NewNetAddressString
	libNodeInfoFromProto          = p2p.DefaultNodeInfoFromToProto
	libMakeSecretConnection       = conn.MakeSecretConnection
	libNewMConnection             = conn.NewMConnectionWithConfig
	libEd25519FromSeed            = ed25519.GenPrivKeyFromSecret
	libGenEd25519                 = ed25519.GenPrivKey
	libSecp256k1FromSeed          = secp256k1.GenPrivKeySecp256k1
	libGenSecp256k1               = secp256k1.GenPrivKey
	libNewAddrBook                = pex.NewAddrBook
	libNewPexReactor              = pex.NewReactor
	libMarshal                    = proto.Marshal
	libUnmarshal                  = proto.Unmarshal
	_                       error = libErrRejected{}
)

func sendTo(peer libPeer, channel byte, data []byte) bool {
	return peer.Send(channel, data)
}

func trySendTo(peer libPeer, channel byte, data []byte) bool {
	return peer.TrySend(channel, data)
}

// broadcastAll returns a function that waits until each peer's queue has it, or 10 s.
func broadcastAll(b *switchBackend, channel byte, data []byte) (wait func()) {
	accepted := b.sw.Broadcast(channel, data)
	return func() {
		for range accepted {
		}
	}
}

// ReceiveEnvelope implements p2p.EnvelopeReceiver.
func (r *reactor) ReceiveEnvelope(e libEnvelope) {
	r.receive(e.Src, e.ChannelID, e.Message.(*rawMessage).data)
}
