package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// channelOptions describes a channel; zero capacities are CometBFT's defaults.
type channelOptions struct {
	ID                  byte `json:"id"`
	Priority            int  `json:"priority"`
	SendQueueCapacity   int  `json:"send_queue_capacity"`
	RecvBufferCapacity  int  `json:"recv_buffer_capacity"`
	RecvMessageCapacity int  `json:"recv_message_capacity"`
}

// options of one peer, from a JSON object on the command line. Times are in milliseconds.
type options struct {
	Mode         string `json:"mode"` // "switch": Switch and MultiplexTransport; "raw": secret connection and MConnection only
	KeyFile      string `json:"key_file"`
	KeySeed      string `json:"key_seed"`
	KeyType      string `json:"key_type"`
	BadSignature bool   `json:"bad_signature"`

	Listen       string  `json:"listen"` // "" does not listen
	ListenAddr   string  `json:"listen_addr"`
	ClaimID      string  `json:"claim_id"` // another ID in the node info than the key's
	Network      string  `json:"network"`
	Version      string  `json:"software"`
	Moniker      string  `json:"moniker"`
	RPCAddress   string  `json:"rpc_address"`
	TxIndex      string  `json:"tx_index"`
	P2PVersion   *uint64 `json:"p2p_version"`
	BlockVersion *uint64 `json:"block_version"`
	AppVersion   uint64  `json:"app_version"`

	Channels []channelOptions `json:"channels"`
	Announce []int            `json:"announce"` // other channels in the node info than the real ones

	SendRate                int64 `json:"send_rate"` // 0 is no limit
	RecvRate                int64 `json:"recv_rate"`
	MaxPacketMsgPayloadSize int   `json:"max_packet_msg_payload_size"`
	FlushThrottleMs         int   `json:"flush_throttle_ms"`
	PingIntervalMs          int   `json:"ping_interval_ms"`
	PongTimeoutMs           int   `json:"pong_timeout_ms"`

	AllowDuplicateIP     bool     `json:"allow_duplicate_ip"`
	MaxNumInboundPeers   int      `json:"max_num_inbound_peers"`
	MaxNumOutboundPeers  int      `json:"max_num_outbound_peers"`
	PersistentPeers      []string `json:"persistent_peers"`
	UnconditionalPeerIDs []string `json:"unconditional_peer_ids"`
	PrivatePeerIDs       []string `json:"private_peer_ids"`

	Pex                 bool     `json:"pex"`
	SeedMode            bool     `json:"seed_mode"`
	Seeds               []string `json:"seeds"`
	AddrBookFile        string   `json:"addr_book_file"`
	AddrBookStrict      bool     `json:"addr_book_strict"`
	EnsurePeersPeriodMs int      `json:"ensure_peers_period_ms"`

	Echo           bool  `json:"echo"`
	EchoChannels   []int `json:"echo_channels"`    // echo only these; all if there are none
	EchoBytes      int   `json:"echo_bytes"`       // echo only so many leading bytes; 0 is all
	Verify         bool  `json:"verify"`           // hash and check what comes
	ReportMessages bool  `json:"report_messages"`  // an event for each message
	ReceiveDelayMs int   `json:"receive_delay_ms"` // a reactor that sleeps in Receive

	// raw mode only: a peer that is slow, silent or half gone.
	DelayKeyMs         int    `json:"delay_key_ms"`
	DelayAuthMs        int    `json:"delay_auth_ms"`
	DelayInfoMs        int    `json:"delay_info_ms"`
	SilentBefore       string `json:"silent_before"`     // key, auth, info
	HalfCloseBefore    string `json:"half_close_before"` // key, auth, info, packets
	HandshakeTimeoutMs int    `json:"handshake_timeout_ms"`
	NoMConnection      bool   `json:"no_mconnection"` // after the handshake only read and count bytes
	HandshakesOnly     bool   `json:"handshakes_only"`

	Log string `json:"log"` // none, error, info, debug: on standard error
}

func defaultOptions() *options {
	return &options{
		Mode: "switch", KeyType: "ed25519", Listen: "127.0.0.1:0", Network: "test", Version: libVersion, Moniker: "gopeer", TxIndex: "off",
		Channels:                []channelOptions{{ID: 0x50, Priority: 5, SendQueueCapacity: 100}, {ID: 0x51, Priority: 1, SendQueueCapacity: 100}},
		MaxPacketMsgPayloadSize: 1024, FlushThrottleMs: 10, PingIntervalMs: 60_000, PongTimeoutMs: 45_000,
		AllowDuplicateIP: true, MaxNumInboundPeers: 40, MaxNumOutboundPeers: 10,
		Verify: true, HandshakeTimeoutMs: 20_000, Log: "none",
	}
}

func parseOptions(text string) (*options, error) {
	o := defaultOptions()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(o); err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	if o.AddrBookFile == "" {
		dir, err := os.MkdirTemp("", "gopeer")
		if err != nil {
			return nil, err
		}
		o.AddrBookFile = filepath.Join(dir, "addrbook.json")
	}
	return o, nil
}

// echoes tells whether messages of this channel are sent back.
func (o *options) echoes(channel byte) bool {
	if !o.Echo || len(o.EchoChannels) == 0 {
		return o.Echo
	}
	for _, c := range o.EchoChannels {
		if byte(c) == channel {
			return true
		}
	}
	return false
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// mconnConfig is what the options say of a multiplexed connection.
func (o *options) mconnConfig() libMConnConfig {
	c := libMConnConfigOf(o.p2pConfig())
	c.PingInterval = milliseconds(o.PingIntervalMs)
	c.PongTimeout = milliseconds(o.PongTimeoutMs)
	return c
}

func (o *options) p2pConfig() *libP2PConfig {
	c := libDefaultP2PConfig()
	c.SendRate, c.RecvRate = o.SendRate, o.RecvRate
	c.MaxPacketMsgPayloadSize = o.MaxPacketMsgPayloadSize
	c.FlushThrottleTimeout = milliseconds(o.FlushThrottleMs)
	c.AllowDuplicateIP = o.AllowDuplicateIP
	c.MaxNumInboundPeers, c.MaxNumOutboundPeers = o.MaxNumInboundPeers, o.MaxNumOutboundPeers
	c.PexReactor, c.SeedMode = o.Pex, o.SeedMode
	return c
}

func (o *options) channelDescriptors() []*libChannel {
	var out []*libChannel
	for _, c := range o.Channels {
		out = append(out, &libChannel{
			ID: c.ID, Priority: c.Priority, SendQueueCapacity: c.SendQueueCapacity, RecvBufferCapacity: c.RecvBufferCapacity,
			RecvMessageCapacity: c.RecvMessageCapacity, MessageType: &rawMessage{},
		})
	}
	return out
}

// nodeInfo is what this peer says of itself; address is where it listens, if it does.
func (o *options) nodeInfo(id libID, address string) libNodeInfo {
	p2pVersion, blockVersion := libP2PProtocol, libBlockProtocol
	if o.P2PVersion != nil {
		p2pVersion = *o.P2PVersion
	}
	if o.BlockVersion != nil {
		blockVersion = *o.BlockVersion
	}
	if o.ClaimID != "" {
		id = libID(o.ClaimID)
	}
	var channels []byte
	if o.Announce != nil {
		for _, c := range o.Announce {
			channels = append(channels, byte(c))
		}
	} else {
		for _, c := range o.Channels {
			channels = append(channels, c.ID)
		}
		if o.Pex {
			channels = append(channels, 0)
		}
	}
	if o.ListenAddr != "" {
		address = o.ListenAddr
	}
	return libNodeInfo{
		ProtocolVersion: libNewProtocolVersion(uint64(p2pVersion), uint64(blockVersion), o.AppVersion),
		DefaultNodeID:   id, ListenAddr: address, Network: o.Network, Version: o.Version, Channels: channels, Moniker: o.Moniker,
		Other: libNodeInfoOther{TxIndex: o.TxIndex, RPCAddress: o.RPCAddress},
	}
}
