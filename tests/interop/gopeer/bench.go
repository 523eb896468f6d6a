package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// Benchmarks of CometBFT against itself: this process at one end, a child of the same program at the other,
// over loopback. Each prints one JSON object. The same halves can be had one by one (run, and the commands
// flood, measure, ping_pong, handshakes, broadcast), with peerage at the other end.

const (
	benchHigh byte = 0x50
	benchLow  byte = 0x51
	// warmUp is left out of the figures.
	warmUp = 500 * time.Millisecond
)

type benchFlags struct {
	name     string
	size     int
	secs     float64
	layer    string
	parallel int
	peers    int
	flush    int
	queue    int
	payload  int
}

// modes of the two layers: reactor to reactor through the switch, or the bare multiplexed connection.
var layers = map[string]string{"reactor": "switch", "mconn": "raw"}

var defaultSizes = map[string]int{"bulk": 1 << 20, "rate": 200, "handshake": 0, "priority": 1 << 20, "latency": 8, "broadcast": 1024}

func bench(args []string) error {
	if len(args) == 0 {
		return errors.New("want: bench bulk | rate | latency | priority | handshake | broadcast")
	}
	f := benchFlags{name: args[0]}
	size, known := defaultSizes[f.name]
	if !known {
		return fmt.Errorf("no benchmark %q", f.name)
	}
	set := flag.NewFlagSet("bench "+f.name, flag.ContinueOnError)
	set.IntVar(&f.size, "size", size, "bytes of a message (priority: of the bulk messages)")
	set.Float64Var(&f.secs, "secs", 3, "how long to measure")
	set.StringVar(&f.layer, "layer", "reactor", "reactor (through the switch) or mconn (the bare connection)")
	set.IntVar(&f.parallel, "parallel", 2, "handshake: so many at once")
	set.IntVar(&f.peers, "peers", 50, "broadcast: to so many")
	set.IntVar(&f.flush, "flush", 10, "flush throttle in ms")
	set.IntVar(&f.queue, "queue", 10, "send queue capacity of each channel")
	set.IntVar(&f.payload, "payload", 1024, "max_packet_msg_payload_size")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	if layers[f.layer] == "" {
		return fmt.Errorf("layer %q: want reactor or mconn", f.layer)
	}
	result, err := map[string]func(benchFlags) (fields, error){
		"bulk": benchFlood, "rate": benchFlood, "latency": benchLatency, "priority": benchLatency,
		"handshake": benchHandshake, "broadcast": benchBroadcast,
	}[f.name](f)
	if err != nil {
		return err
	}
	result["bench"], result["library"], result["layer"], result["size"] = f.name, libVersion, f.layer, f.size
	return json.NewEncoder(os.Stdout).Encode(result)
}

// options of either end: no rate limits, nothing verified.
func (f benchFlags) options(mode string) *options {
	o := defaultOptions()
	o.Mode, o.Verify, o.FlushThrottleMs, o.MaxPacketMsgPayloadSize = mode, false, f.flush, f.payload
	o.MaxNumInboundPeers = 10_000
	o.Channels = []channelOptions{
		{ID: benchHigh, Priority: 10, SendQueueCapacity: f.queue}, {ID: benchLow, Priority: 1, SendQueueCapacity: f.queue},
	}
	return o
}

// benchFlood measures at the receiving end what one flood carries.
func benchFlood(f benchFlags) (fields, error) {
	own, other, err := pair(f, nil)
	if err != nil {
		return nil, err
	}
	defer other.end()
	peer := other.id
	stopped := &atomic.Bool{}
	done := make(chan fields, 1)
	user, system := cpuSeconds()
	go func() {
		done <- own.hub.flood(peer, floodCommand{Channel: benchLow, Size: f.size, Same: true, Secs: f.secs + 60}, stopped)
	}()
	time.Sleep(warmUp)
	user, system = cpuSeconds()
	measured, err := other.call("measure", fields{"secs": f.secs})
	user2, system2 := cpuSeconds()
	stopped.Store(true)
	if err != nil {
		return nil, err
	}
	gigabytes := measured["bytes"].(float64) / 1e9
	received := measured["cpu_user"].(float64) + measured["cpu_system"].(float64)
	return fields{
		"messages_per_sec": measured["messages_per_sec"], "bytes_per_sec": measured["bytes_per_sec"], "secs": measured["secs"],
		"sender_cpu_secs_per_gb": (user2 - user + system2 - system) / gigabytes, "receiver_cpu_secs_per_gb": received / gigabytes,
	}, nil
}

// benchLatency measures round trips on the preferred channel, for "priority" while the other one is full.
func benchLatency(f benchFlags) (fields, error) {
	own, other, err := pair(f, func(o *options) { o.Echo, o.EchoChannels = true, []int{int(benchHigh)} })
	if err != nil {
		return nil, err
	}
	defer other.end()
	stopped := &atomic.Bool{}
	size := f.size
	if f.name == "priority" {
		size = numberSize
		go own.hub.flood(other.id, floodCommand{Channel: benchLow, Size: f.size, Same: true, Secs: f.secs + 60}, stopped)
		time.Sleep(warmUp)
	}
	result := own.hub.pingPong(other.id, pingPongCommand{Channel: benchHigh, Size: size, Secs: f.secs, IntervalMs: 1}, stopped)
	stopped.Store(true)
	for _, key := range []string{"peer", "channel"} {
		delete(result, key)
	}
	return result, nil
}

// benchHandshake counts secret connection plus node info, then hang up, with so many at once.
func benchHandshake(f benchFlags) (fields, error) {
	accepts := f.options("raw")
	accepts.HandshakesOnly = true
	other, err := startChild(accepts)
	if err != nil {
		return nil, err
	}
	defer other.end()
	dials := f.options("raw")
	dials.HandshakesOnly, dials.Listen = true, ""
	own, err := newProgram(dials, io.Discard)
	if err != nil {
		return nil, err
	}
	result := own.backend.(*rawBackend).floodHandshakes(other.address(), f.parallel, f.secs, false)
	result["parallel"] = f.parallel
	return result, nil
}

// benchBroadcast broadcasts through the switch to a crowd in the other process.
func benchBroadcast(f benchFlags) (fields, error) {
	own, err := newProgram(f.options("switch"), io.Discard)
	if err != nil {
		return nil, err
	}
	other, err := startChild(f.options("raw"))
	if err != nil {
		return nil, err
	}
	defer other.end()
	b := own.backend.(*switchBackend)
	address := b.transport.NetAddress()
	if _, err := other.call("dial_crowd", fields{"address": address.String(), "count": f.peers}); err != nil {
		return nil, err
	}
	for len(own.hub.peers("")) < f.peers {
		time.Sleep(10 * time.Millisecond)
	}
	stopped := &atomic.Bool{}
	go broadcastMany(b, command{Channel: benchHigh, Size: f.size}, stopped)
	time.Sleep(warmUp)
	measured, err := other.call("measure", fields{"secs": f.secs})
	stopped.Store(true)
	if err != nil {
		return nil, err
	}
	measured["peers"] = f.peers
	measured["broadcasts_per_sec"] = measured["messages_per_sec"].(float64) / float64(f.peers)
	return measured, nil
}

// pair is a program in this process that dialled one in a child; change applies to the child's options.
func pair(f benchFlags, change func(*options)) (*program, *child, error) {
	accepts := f.options(layers[f.layer])
	if change != nil {
		change(accepts)
	}
	other, err := startChild(accepts)
	if err != nil {
		return nil, nil, err
	}
	dials := f.options(layers[f.layer])
	dials.Listen = ""
	own, err := newProgram(dials, io.Discard)
	if err == nil {
		_, err = own.backend.dial(other.address())
	}
	if err == nil && own.hub.waitLink(other.id, func() bool { return false }) == nil {
		err = errors.New("not connected")
	}
	if err != nil {
		other.end()
		return nil, nil, err
	}
	return own, other, nil
}

// child is another process of this program, driven as a test drives it.
type child struct {
	process *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	id      string
	listen  string
	calls   int
}

func startChild(o *options) (*child, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{process: exec.Command(program, "run", string(text))}
	c.process.Stderr = os.Stderr
	if c.in, err = c.process.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReader(out)
	if err := c.process.Start(); err != nil {
		return nil, err
	}
	ready, err := c.await(func(f fields) bool { return f["event"] == "ready" })
	if err != nil {
		c.end()
		return nil, err
	}
	c.id, c.listen = ready["id"].(string), ready["listen"].(string)
	return c, nil
}

func (c *child) address() string { return c.id + "@" + c.listen }

// await the next event that fits; others are passed over.
func (c *child) await(fits func(fields) bool) (fields, error) {
	for {
		line, err := c.out.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		var f fields
		if err := json.Unmarshal(line, &f); err != nil {
			return nil, err
		}
		if fits(f) {
			return f, nil
		}
	}
}

func (c *child) call(cmd string, f fields) (fields, error) {
	c.calls++
	f["cmd"], f["id"] = cmd, c.calls
	text, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if _, err := c.in.Write(append(text, '\n')); err != nil {
		return nil, err
	}
	reply, err := c.await(func(f fields) bool { return f["event"] == "reply" && f["id"] == float64(c.calls) })
	if err == nil && reply["ok"] != true {
		err = fmt.Errorf("%s: %v", cmd, reply["error"])
	}
	for _, key := range []string{"event", "id", "ok", "time"} {
		delete(reply, key)
	}
	return reply, err
}

func (c *child) end() {
	c.in.Close()
	killer := time.AfterFunc(2*time.Second, func() { c.process.Process.Kill() })
	defer killer.Stop()
	c.process.Wait()
}
