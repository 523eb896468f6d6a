package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"
)

// command is one JSON line on standard input; each is answered by a "reply" event with its id.
type command struct {
	Cmd string `json:"cmd"`
	ID  int    `json:"id"`

	Peer     string  `json:"peer"`
	Address  string  `json:"address"`
	Source   string  `json:"source"`
	Channel  byte    `json:"channel"`
	Data     *string `json:"data"` // base64
	Number   uint64  `json:"number"`
	Size     int     `json:"size"`
	Try      bool    `json:"try"`
	Count    int64   `json:"count"`
	Secs     float64 `json:"secs"`
	Flush    bool    `json:"flush"`
	On       bool    `json:"on"`
	Millis   int     `json:"millis"`
	Parallel int     `json:"parallel"`
	Anew     bool    `json:"anew"`
}

// program is one running peer.
type program struct {
	options *options
	events  *events
	hub     *hub
	backend backend
	pings   *pings
	stopped atomic.Pointer[atomic.Bool] // of the floods that run
	floods  atomic.Int32
}

func newProgram(o *options, out io.Writer) (*program, error) {
	e := newEvents(out)
	p := &program{options: o, events: e, hub: newHub(o, e), pings: &pings{}}
	p.stopped.Store(&atomic.Bool{})
	key, err := loadKey(o)
	if err != nil {
		return nil, err
	}
	logger := &peerLogger{level: levels[o.Log], counts: p.pings, events: e}
	var address string
	switch o.Mode {
	case "switch":
		p.backend, address, err = startSwitch(o, p.hub, key, logger)
	case "raw":
		p.backend, address, err = startRaw(o, p.hub, key, logger)
	default:
		err = fmt.Errorf("mode %q: want switch or raw", o.Mode)
	}
	if err != nil {
		return nil, err
	}
	e.emit("ready", fields{"id": libPubKeyToID(key.PubKey()), "listen": address, "library": libVersion, "mode": o.Mode})
	return p, nil
}

func startSwitch(o *options, h *hub, key libPrivKey, logger libLogger) (backend, string, error) {
	b, address, err := newSwitchBackend(o, h, key, logger)
	if err != nil {
		return nil, "", err
	}
	return b, address, nil
}

func startRaw(o *options, h *hub, key libPrivKey, logger libLogger) (backend, string, error) {
	b, address, err := newRawBackend(o, h, key, logger)
	if err != nil {
		return nil, "", err
	}
	return b, address, nil
}

// serve obeys commands until "stop" or the end of the input.
func (p *program) serve(input io.Reader) {
	in := bufio.NewReaderSize(input, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var c command
		if err := json.Unmarshal(line, &c); err != nil {
			p.events.emit("bad_command", fields{"error": err.Error()})
			continue
		}
		if c.Cmd == "stop" {
			p.reply(c, fields{}, nil)
			return
		}
		p.obey(c, line)
	}
}

func (p *program) reply(c command, f fields, err error) {
	if f == nil {
		f = fields{}
	}
	f["id"], f["ok"] = c.ID, err == nil
	if err != nil {
		addError(f, err)
	}
	p.events.emit("reply", f)
}

// obey one command; what takes time goes on beside it.
func (p *program) obey(c command, line []byte) {
	switch c.Cmd {
	case "dial":
		go func() {
			begin := time.Now()
			id, err := p.backend.dial(c.Address)
			p.reply(c, fields{"peer": id, "secs": time.Since(begin).Seconds()}, err)
		}()
	case "send":
		data, err := c.bytes()
		if err != nil {
			p.reply(c, nil, err)
			return
		}
		// In line: messages of consecutive commands go out in their order.
		for _, id := range p.hub.peers(c.Peer) {
			err = errors.Join(err, p.hub.send(id, c.Channel, data, c.Try))
		}
		p.reply(c, fields{"size": len(data)}, err)
	case "flood":
		var f floodCommand
		err := json.Unmarshal(line, &f)
		p.reply(c, nil, err)
		if err == nil {
			p.long(c, func(stopped *atomic.Bool) {
				p.hub.floodAll(p.hub.peers(c.Peer), f, stopped, func(done fields) {
					done["flood"] = c.ID
					p.events.emit("flood_done", done)
				})
			})
		}
	case "ping_pong":
		var f pingPongCommand
		if err := json.Unmarshal(line, &f); err != nil {
			p.reply(c, nil, err)
			return
		}
		p.long(c, func(stopped *atomic.Bool) { p.reply(c, p.hub.pingPong(c.Peer, f, stopped), nil) })
	case "stop_floods":
		p.stopped.Swap(&atomic.Bool{}).Store(true)
		p.hub.mutex.Lock()
		p.hub.arrive.Broadcast()
		p.hub.mutex.Unlock()
		p.reply(c, nil, nil)
	case "expect":
		go func() {
			ok := p.hub.expect(c.Peer, c.Channel, c.Count, time.Duration(c.Secs*float64(time.Second)))
			p.reply(c, fields{"reached": ok}, nil)
		}()
	case "measure":
		go func() { p.reply(c, p.measure(c.Secs), nil) }()
	case "stats":
		p.reply(c, p.statistics(), nil)
	case "reset":
		p.hub.reset()
		p.reply(c, nil, nil)
	case "peers":
		p.reply(c, p.connections(), nil)
	case "disconnect":
		for _, id := range p.hub.peers(c.Peer) {
			if l := p.hub.link(id); l != nil {
				l.stop(c.Flush)
			}
		}
		p.reply(c, nil, nil)
	case "report":
		p.options.ReportMessages = c.On
		p.reply(c, nil, nil)
	case "echo":
		p.options.Echo = c.On
		p.reply(c, nil, nil)
	case "receive_delay":
		p.options.ReceiveDelayMs = c.Millis
		p.reply(c, nil, nil)
	case "broadcast":
		p.broadcast(c)
	case "half_close", "write", "handshakes", "seed_rounds", "dial_crowd", "listen_crowd":
		p.rawCommand(c)
	case "book", "book_add", "book_has", "request_addrs", "num_peers", "persist":
		f, err := p.switchCommand(c)
		p.reply(c, f, err)
	default:
		p.reply(c, nil, fmt.Errorf("no command %q", c.Cmd))
	}
}

func (c *command) bytes() ([]byte, error) {
	if c.Data != nil {
		return base64.StdEncoding.DecodeString(*c.Data)
	}
	return payload(c.Number, c.Size), nil
}

// long runs until done or until stop_floods.
func (p *program) long(_ command, work func(*atomic.Bool)) {
	stopped := p.stopped.Load()
	p.floods.Add(1)
	go func() {
		defer p.floods.Add(-1)
		work(stopped)
	}()
}

func cpuSeconds() (user, system float64) {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()) / 1e9, float64(u.Stime.Nano()) / 1e9
}

// measure what is received within so many seconds, and the CPU time of this whole process meanwhile.
func (p *program) measure(secs float64) fields {
	count, bytes := p.hub.totals()
	user, system := cpuSeconds()
	begin := time.Now()
	time.Sleep(time.Duration(secs * float64(time.Second)))
	took := time.Since(begin).Seconds()
	count2, bytes2 := p.hub.totals()
	user2, system2 := cpuSeconds()
	return fields{
		"secs": took, "messages": count2 - count, "bytes": bytes2 - bytes,
		"messages_per_sec": float64(count2-count) / took, "bytes_per_sec": float64(bytes2-bytes) / took,
		"cpu_user": user2 - user, "cpu_system": system2 - system,
	}
}

func (p *program) statistics() fields {
	user, system := cpuSeconds()
	f := fields{
		"channels": p.hub.statistics(), "floods": p.floods.Load(), "cpu_user": user, "cpu_system": system,
		"pings_sent": p.pings.sent.Load(), "pings_received": p.pings.received.Load(),
		"pongs_sent": p.pings.pongsSent.Load(), "pongs_received": p.pings.pongsReceived.Load(),
	}
	if b, ok := p.backend.(*rawBackend); ok {
		f["handshakes"], f["handshakes_failed"] = b.handshakes.Load(), b.failures.Load()
	}
	return f
}

func (p *program) connections() fields {
	out := []fields{}
	for _, id := range p.hub.peers("") {
		if l := p.hub.link(id); l != nil {
			out = append(out, fields{"peer": id, "running": l.running(), "status": l.status()})
		}
	}
	return fields{"peers": out}
}

// broadcast sends numbered messages to all peers through the switch.
func (p *program) broadcast(c command) {
	b, ok := p.backend.(*switchBackend)
	if !ok {
		p.reply(c, nil, errors.New("broadcast needs mode switch"))
		return
	}
	p.long(c, func(stopped *atomic.Bool) {
		p.reply(c, broadcastMany(b, c, stopped), nil)
	})
}

// broadcastWindow is how many broadcasts may be on their way at once.
const broadcastWindow = 16

func broadcastMany(b *switchBackend, c command, stopped *atomic.Bool) fields {
	begin := time.Now()
	n := int64(0)
	window := make(chan struct{}, broadcastWindow)
	for ; !stopped.Load() && (c.Count == 0 || n < c.Count) && (c.Secs == 0 || time.Since(begin).Seconds() < c.Secs); n++ {
		window <- struct{}{}
		wait := broadcastAll(b, c.Channel, payload(c.Number+uint64(n), c.Size))
		go func() {
			wait()
			<-window
		}()
	}
	for range broadcastWindow {
		window <- struct{}{}
	}
	return fields{"sent": n, "secs": time.Since(begin).Seconds()}
}

func (p *program) rawCommand(c command) {
	b, ok := p.backend.(*rawBackend)
	if !ok {
		p.reply(c, nil, fmt.Errorf("%s needs mode raw", c.Cmd))
		return
	}
	if c.Cmd == "handshakes" {
		p.long(c, func(*atomic.Bool) { p.reply(c, b.floodHandshakes(c.Address, c.Parallel, c.Secs, c.Anew), nil) })
		return
	}
	if c.Cmd == "seed_rounds" {
		p.long(c, func(*atomic.Bool) { p.reply(c, b.seedRounds(c.Address, c.Parallel, c.Secs), nil) })
		return
	}
	if c.Cmd == "dial_crowd" {
		go func() {
			ids, err := b.dialCrowd(c.Address, int(c.Count))
			p.reply(c, fields{"peers": ids}, err)
		}()
		return
	}
	if c.Cmd == "listen_crowd" {
		addresses, err := b.listenCrowd(int(c.Count))
		p.reply(c, fields{"addresses": addresses}, err)
		return
	}
	l, ok := p.hub.link(c.Peer).(*rawLink)
	if !ok {
		p.reply(c, nil, errors.New("not connected"))
		return
	}
	if c.Cmd == "half_close" {
		p.reply(c, nil, l.tcp.CloseWrite())
		return
	}
	data, err := c.bytes()
	if err == nil {
		_, err = l.secret.Write(data) // plain bytes into the secret connection, whatever they mean
	}
	p.reply(c, nil, err)
}

func (p *program) switchCommand(c command) (fields, error) {
	b, ok := p.backend.(*switchBackend)
	if !ok {
		return nil, fmt.Errorf("%s needs mode switch", c.Cmd)
	}
	switch c.Cmd {
	case "book":
		var addresses []string
		for _, a := range b.book.GetSelection() {
			addresses = append(addresses, a.String())
		}
		return fields{"size": b.book.Size(), "selection": addresses}, nil
	case "book_add", "book_has":
		address, err := libParseAddress(c.Address)
		if err != nil {
			return nil, err
		}
		if c.Cmd == "book_has" {
			return fields{"has": b.book.HasAddress(address)}, nil
		}
		source := address
		if c.Source != "" {
			if source, err = libParseAddress(c.Source); err != nil {
				return nil, err
			}
		}
		return nil, b.book.AddAddress(address, source)
	case "persist":
		return nil, b.sw.AddPersistentPeers([]string{c.Address})
	case "num_peers":
		out, in, dialing := b.sw.NumPeers()
		return fields{"outbound": out, "inbound": in, "dialing": dialing}, nil
	default: // request_addrs
		l, ok := p.hub.link(c.Peer).(*peerLink)
		if !ok || b.pex == nil {
			return nil, errors.New("needs pex and a connected peer")
		}
		b.pex.RequestAddrs(l.peer)
		return nil, nil
	}
}
