package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// rawBackend makes connections from CometBFT's SecretConnection and MConnection alone. Without switch
// and transport it can be late, silent, half gone or rude, and it refuses nobody.
type rawBackend struct {
	hub       *hub
	options   *options
	self      identity
	listeners []net.Listener
	logger    libLogger
	crowd     atomic.Int64

	handshakes, failures atomic.Int64
}

// identity is who we are on a connection: the one of the options, or a member of a crowd.
type identity struct {
	key    libPrivKey
	info   libNodeInfo
	suffix string // of the remote's ID in the hub, where members of a crowd have the same remote
}

// stages of a handshake, each beginning with a write.
var stages = []string{"key", "auth", "info", "packets"}

// rawLink is one connection, from its first byte.
type rawLink struct {
	backend *rawBackend
	id      string
	tcp     *net.TCPConn
	secret  *libSecretConnection
	mconn   *libMConnection
	once    sync.Once
	bytes   atomic.Int64
}

func (l *rawLink) send(channel byte, data []byte) bool {
	return l.mconn != nil && l.mconn.Send(channel, data)
}
func (l *rawLink) trySend(channel byte, data []byte) bool {
	return l.mconn != nil && l.mconn.TrySend(channel, data)
}
func (l *rawLink) running() bool { return l.mconn != nil && l.mconn.IsRunning() }

func (l *rawLink) status() any {
	if l.mconn == nil {
		return fields{"bytes": l.bytes.Load()}
	}
	return l.mconn.Status()
}

func (l *rawLink) stop(flush bool) {
	if flush && l.mconn != nil {
		l.mconn.FlushStop()
	}
	l.gone("stopped")
}

// gone ends the link once, with its reason.
func (l *rawLink) gone(reason any) {
	l.once.Do(func() {
		if l.mconn != nil && l.mconn.IsRunning() {
			l.mconn.Stop()
		}
		l.tcp.Close()
		l.backend.hub.disconnected(l.id, l)
		l.backend.hub.events.emit("peer_removed", fields{"peer": l.id, "reason": reasonText(reason)})
	})
}

// stagedConn holds each write of the handshake until its stage may begin.
type stagedConn struct {
	*net.TCPConn
	backend *rawBackend
	writes  atomic.Int32
	failed  atomic.Pointer[error] // v1's SecretConnection drops the errors of its writes: the handshake asks here
	ended   chan struct{}
	once    sync.Once
}

func (c *stagedConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if err != nil {
		c.once.Do(func() { close(c.ended) })
	}
	return n, err
}

func (c *stagedConn) Write(p []byte) (int, error) {
	if i := int(c.writes.Add(1)) - 1; i < len(stages) {
		if err := c.begin(stages[i]); err != nil {
			c.failed.Store(&err)
			return 0, err
		}
	}
	return c.TCPConn.Write(p)
}

// orFailed is the error, or that of a stage that did not begin.
func (c *stagedConn) orFailed(err error) error {
	if failed := c.failed.Load(); err == nil && failed != nil {
		return *failed
	}
	return err
}

// begin waits, half closes or is silent, as the options say of this stage.
func (c *stagedConn) begin(stage string) error {
	o := c.backend.options
	delay := map[string]int{"key": o.DelayKeyMs, "auth": o.DelayAuthMs, "info": o.DelayInfoMs}[stage]
	if o.HalfCloseBefore == stage {
		c.CloseWrite()
		c.backend.hub.events.emit("half_closed", fields{"stage": stage})
	}
	if o.SilentBefore == stage {
		c.backend.hub.events.emit("silent", fields{"stage": stage})
		c.SetDeadline(time.Time{})
		_, err := io.Copy(io.Discard, c.TCPConn)
		return fmt.Errorf("silent until the other side ended it: %v", err)
	}
	if delay > 0 {
		select {
		case <-time.After(milliseconds(delay)):
		case <-c.ended:
			return errors.New("the other side did not wait")
		}
	}
	return nil
}

func newRawBackend(o *options, h *hub, key libPrivKey, logger libLogger) (*rawBackend, string, error) {
	b := &rawBackend{hub: h, options: o, logger: logger}
	if o.Listen == "" {
		b.self = b.identity(key, unlistened, "")
		return b, "", nil
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, "", err
	}
	b.self = b.identity(key, l.Addr().String(), "")
	b.listeners = append(b.listeners, l)
	go b.accept(l, b.self)
	return b, l.Addr().String(), nil
}

func (b *rawBackend) identity(key libPrivKey, listen, suffix string) identity {
	return identity{key, b.options.nodeInfo(libPubKeyToID(key.PubKey()), listen), suffix}
}

// dialCrowd dials so many times, each time as somebody else; the peer's IDs are ID#1, ID#2, …
func (b *rawBackend) dialCrowd(address string, count int) ([]string, error) {
	var ids []string
	for range count {
		id, err := b.dialAs(b.identity(libGenEd25519(), unlistened, fmt.Sprintf("#%d", b.crowd.Add(1))), address)
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// listenCrowd listens on so many ports, on each as somebody else.
func (b *rawBackend) listenCrowd(count int) ([]string, error) {
	var addresses []string
	for range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return addresses, err
		}
		who := b.identity(libGenEd25519(), l.Addr().String(), fmt.Sprintf("#%d", b.crowd.Add(1)))
		b.listeners = append(b.listeners, l)
		addresses = append(addresses, fmt.Sprintf("%s@%s", libPubKeyToID(who.key.PubKey()), l.Addr()))
		go b.accept(l, who)
	}
	return addresses, nil
}

func (b *rawBackend) accept(listener net.Listener, who identity) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			if _, err := b.upgrade(who, c.(*net.TCPConn), ""); err != nil && !b.options.HandshakesOnly {
				f := fields{"message": "raw handshake failed", "direction": "in"}
				addError(f, err)
				b.hub.events.emit("rejected", f)
			}
		}()
	}
}

func (b *rawBackend) dial(text string) (string, error) { return b.dialAs(b.self, text) }

func (b *rawBackend) dialAs(who identity, text string) (string, error) {
	want, address, found := strings.Cut(text, "@")
	if !found {
		want, address = "", text
	}
	c, err := net.DialTimeout("tcp", address, 3*time.Second)
	if err != nil {
		return "", err
	}
	l, err := b.upgrade(who, c.(*net.TCPConn), want)
	if err != nil {
		return "", err
	}
	return l.id, nil
}

// upgrade does both handshakes and starts the multiplexed connection.
func (b *rawBackend) upgrade(who identity, tcp *net.TCPConn, want string) (l *rawLink, err error) {
	begin := time.Now()
	stage := "key"
	conn := &stagedConn{TCPConn: tcp, backend: b, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			b.failures.Add(1)
			tcp.Close()
			if b.options.HandshakesOnly {
				return
			}
			b.hub.events.emit("handshake_ended", fields{"stage": stage, "secs": time.Since(begin).Seconds(), "error": err.Error()})
		}
	}()
	tcp.SetDeadline(begin.Add(milliseconds(b.options.HandshakeTimeoutMs)))
	secret, err := libMakeSecretConnection(conn, who.key)
	if err = conn.orFailed(err); err != nil {
		return nil, fmt.Errorf("secret connection: %w", err)
	}
	id := string(libPubKeyToID(secret.RemotePubKey()))
	if want != "" && want != id {
		return nil, fmt.Errorf("dialled %s, found %s", want, id)
	}
	id += who.suffix
	stage = "info"
	info, err := exchangeInfo(secret, who.info)
	if err = conn.orFailed(err); err != nil {
		return nil, fmt.Errorf("node info: %w", err)
	}
	stage = "packets"
	b.handshakes.Add(1)
	l = &rawLink{backend: b, id: id, tcp: tcp, secret: secret}
	if b.options.HandshakesOnly {
		tcp.Close()
		return l, nil
	}
	tcp.SetDeadline(time.Time{})
	b.hub.connected(id, l)
	b.hub.events.emit("peer_added", fields{
		"peer": id, "outbound": want != "", "persistent": false, "address": id + "@" + tcp.RemoteAddr().String(), "node_info": info,
		"handshake_secs": time.Since(begin).Seconds(),
	})
	if b.options.NoMConnection || b.options.SilentBefore == "packets" {
		go l.drain()
	} else {
		onReceive := func(channel byte, data []byte) {
			b.hub.message(id, l, channel, append(make([]byte, 0, len(data)), data...))
		}
		l.mconn = libNewMConnection(secret, b.options.channelDescriptors(), onReceive, func(r any) { go l.gone(r) }, b.options.mconnConfig())
		l.mconn.SetLogger(b.logger)
		if err := l.mconn.Start(); err != nil {
			return nil, err
		}
	}
	if b.options.HalfCloseBefore == "packets" {
		tcp.CloseWrite()
		b.hub.events.emit("half_closed", fields{"stage": "packets"})
	}
	return l, nil
}

// drain reads what comes until the other side ends it.
func (l *rawLink) drain() {
	buffer := make([]byte, 4096)
	for {
		n, err := l.secret.Read(buffer)
		l.bytes.Add(int64(n))
		if err != nil {
			l.gone(err)
			return
		}
	}
}

// exchangeInfo sends our node info and reads theirs, at the same time.
func exchangeInfo(c *libSecretConnection, own libNodeInfo) (libNodeInfo, error) {
	text, err := libMarshal(own.ToProto())
	if err != nil {
		return libNodeInfo{}, err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(append(binary.AppendUvarint(nil, uint64(len(text))), text...))
		sent <- err
	}()
	in := bufio.NewReader(io.LimitReader(c, 10_240+5))
	size, err := binary.ReadUvarint(in)
	if err == nil && size > 10_240 {
		err = fmt.Errorf("%d bytes", size)
	}
	var answer []byte
	if err == nil {
		answer = make([]byte, size)
		_, err = io.ReadFull(in, answer)
	}
	if err != nil {
		return libNodeInfo{}, err
	}
	if err := <-sent; err != nil {
		return libNodeInfo{}, err
	}
	var message libNodeInfoMessage
	if err := libUnmarshal(answer, &message); err != nil {
		return libNodeInfo{}, err
	}
	return libNodeInfoFromProto(&message)
}

// floodHandshakes dials, shakes hands and hangs up, again and again, as itself or each time as another node.
func (b *rawBackend) floodHandshakes(address string, parallel int, secs float64, anew bool) fields {
	begin := time.Now()
	var done, failed atomic.Int64
	var lastError atomic.Value
	var group sync.WaitGroup
	for range max(parallel, 1) {
		group.Add(1)
		go func() {
			defer group.Done()
			for time.Since(begin).Seconds() < secs {
				who := b.self
				if anew {
					who = b.identity(libGenEd25519(), unlistened, "")
				}
				if _, err := b.dialAs(who, address); err != nil {
					failed.Add(1)
					lastError.Store(err.Error())
				} else {
					done.Add(1)
				}
			}
		}()
	}
	group.Wait()
	took := time.Since(begin).Seconds()
	f := fields{"handshakes": done.Load(), "failed": failed.Load(), "secs": took, "per_sec": float64(done.Load()) / took}
	if text := lastError.Load(); text != nil {
		f["error"] = text
	}
	return f
}

func (b *rawBackend) close() {
	for _, l := range b.listeners {
		l.Close()
	}
}
