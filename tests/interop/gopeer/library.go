//go:build !v034

// Everything of CometBFT that this program touches, under names of its own: what differs between
// the versions is in the library_*.go files and nowhere else. This one serves v0.37, v0.38 and v1.

package main

import (
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/secp256k1"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/conn"
	"github.com/cometbft/cometbft/p2p/pex"
	"github.com/cometbft/cometbft/version"
	"github.com/cosmos/gogoproto/proto"
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
