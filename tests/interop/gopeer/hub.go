package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

// link is one established connection, whichever backend made it.
type link interface {
	send(channel byte, data []byte) bool // waits up to 10 s, as CometBFT's Send
	trySend(channel byte, data []byte) bool
	running() bool
	stop(flush bool)
	status() any
}

// backend makes connections and tells the hub of them.
type backend interface {
	dial(address string) (id string, err error)
	close()
}

// dataSize is up to which size a reported message carries its bytes.
const dataSize = 4096

// echoLimit bounds the bytes waiting to be echoed on one channel of one peer; then receiving waits.
const echoLimit = 64 << 20

// hub keeps what went to and came from whom, by peer ID: counters survive reconnects.
type hub struct {
	options *options
	events  *events

	mutex  sync.Mutex
	arrive *sync.Cond // a link came or went
	links  map[string]link
	tallys map[tallyKey]*tally
}

type tallyKey struct {
	peer    string
	channel byte
}

// tally of one channel of one peer.
type tally struct {
	mutex sync.Mutex

	received, receivedBytes int64
	inDigest                *streamDigest
	inPattern, mismatched   int64 // are or are not the numbered message they claim to be
	disorder, duplicates    int64 // numbered messages that came before a smaller one, or again
	highest                 int64
	numbers                 numberSet
	firstMismatch           string
	latencies               *latencies
	waiters                 []*waiter

	sent, sentBytes int64
	outDigest       *streamDigest

	echo *echoQueue
}

type waiter struct {
	count int64
	done  chan struct{}
}

func newHub(o *options, e *events) *hub {
	h := &hub{options: o, events: e, links: map[string]link{}, tallys: map[tallyKey]*tally{}}
	h.arrive = sync.NewCond(&h.mutex)
	return h
}

func newTally() *tally {
	return &tally{inDigest: newStreamDigest(), outDigest: newStreamDigest(), highest: -1}
}

func (h *hub) tally(peer string, channel byte) *tally {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	key := tallyKey{peer, channel}
	t := h.tallys[key]
	if t == nil {
		t = newTally()
		h.tallys[key] = t
	}
	return t
}

func (h *hub) connected(id string, l link) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.links[id] = l
	h.arrive.Broadcast()
}

// disconnected forgets the link unless another took its place.
func (h *hub) disconnected(id string, l link) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.links[id] == l {
		delete(h.links, id)
	}
	h.arrive.Broadcast()
}

func (h *hub) link(id string) link {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.links[id]
}

// peers named by a command: one, or all that are connected for "".
func (h *hub) peers(id string) []string {
	if id != "" {
		return []string{id}
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	var out []string
	for id := range h.links {
		out = append(out, id)
	}
	return out
}

// waitLink waits until the peer is connected; nil when stopped.
func (h *hub) waitLink(id string, stopped func() bool) link {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for h.links[id] == nil && !stopped() {
		h.arrive.Wait()
	}
	return h.links[id]
}

func (h *hub) send(id string, channel byte, data []byte, try bool) error {
	l := h.link(id)
	if l == nil {
		return errors.New("not connected")
	}
	ok := false
	if try {
		ok = l.trySend(channel, data)
	} else {
		ok = l.send(channel, data)
	}
	if !ok {
		return errors.New("send returned false")
	}
	h.countSent(h.tally(id, channel), data)
	return nil
}

func (h *hub) countSent(t *tally, data []byte) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.sent++
	t.sentBytes += int64(len(data))
	if h.options.Verify {
		t.outDigest.add(data)
	}
}

// message takes what came in; it runs in the connection's receive routine, as a reactor's Receive does.
func (h *hub) message(id string, l link, channel byte, data []byte) {
	t := h.tally(id, channel)
	t.mutex.Lock()
	t.received++
	t.receivedBytes += int64(len(data))
	if h.options.Verify {
		t.check(data)
	}
	if t.latencies != nil {
		t.latencies.arrived(data)
	}
	rest := t.waiters[:0]
	for _, w := range t.waiters {
		if t.received >= w.count {
			close(w.done)
		} else {
			rest = append(rest, w)
		}
	}
	t.waiters = rest
	number := t.received
	echoes := h.options.echoes(channel)
	if echoes && t.echo == nil {
		t.echo = newEchoQueue()
		go h.echoTo(id, channel, t)
	}
	echo := t.echo
	t.mutex.Unlock()

	if h.options.ReportMessages {
		sum := sha256.Sum256(data)
		f := fields{"peer": id, "channel": channel, "number": number, "size": len(data), "sha256": hex.EncodeToString(sum[:])}
		if len(data) <= dataSize {
			f["data"] = base64.StdEncoding.EncodeToString(data)
		}
		h.events.emit("message", f)
	}
	if h.options.ReceiveDelayMs > 0 {
		time.Sleep(milliseconds(h.options.ReceiveDelayMs))
	}
	if echoes {
		if n := h.options.EchoBytes; n > 0 && len(data) > n {
			data = data[:n]
		}
		echo.put(data)
	}
}

// check a message against the number it claims, or the next one when it is too short to claim any.
func (t *tally) check(data []byte) {
	t.inDigest.add(data)
	number, claims := numberOf(data)
	if !claims {
		number = uint64(t.highest + 1)
	}
	if !isPayload(data, number) {
		t.mismatched++
		if t.firstMismatch == "" {
			t.firstMismatch = hex.EncodeToString(data[:min(len(data), 64)])
		}
		return
	}
	t.inPattern++
	if !t.numbers.add(number) {
		t.duplicates++
	} else if int64(number) < t.highest {
		t.disorder++
	}
	t.highest = max(t.highest, int64(number))
}

// echoTo sends back what came, in order, over whatever connection the peer has.
func (h *hub) echoTo(id string, channel byte, t *tally) {
	for {
		data := t.echo.take()
		for {
			l := h.waitLink(id, func() bool { return false })
			if l.send(channel, data) {
				break
			}
			if !l.running() {
				h.disconnected(id, l)
			}
		}
		h.countSent(t, data)
	}
}

// expect waits until so many messages came on a channel since the last reset.
func (h *hub) expect(id string, channel byte, count int64, timeout time.Duration) bool {
	t := h.tally(id, channel)
	w := &waiter{count, make(chan struct{})}
	t.mutex.Lock()
	if t.received >= count {
		t.mutex.Unlock()
		return true
	}
	t.waiters = append(t.waiters, w)
	t.mutex.Unlock()
	select {
	case <-w.done:
		return true
	case <-time.After(timeout):
		return false
	}
}

func (h *hub) reset() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, t := range h.tallys {
		t.mutex.Lock()
		fresh := newTally()
		t.received, t.receivedBytes, t.inDigest = 0, 0, fresh.inDigest
		t.inPattern, t.mismatched, t.disorder, t.duplicates, t.highest = 0, 0, 0, 0, -1
		t.numbers, t.firstMismatch = fresh.numbers, ""
		t.sent, t.sentBytes, t.outDigest = 0, 0, fresh.outDigest
		t.mutex.Unlock()
	}
}

// totals over all peers and channels.
func (h *hub) totals() (received, receivedBytes int64) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for _, t := range h.tallys {
		t.mutex.Lock()
		received += t.received
		receivedBytes += t.receivedBytes
		t.mutex.Unlock()
	}
	return received, receivedBytes
}

func (h *hub) statistics() []fields {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	out := []fields{}
	for key, t := range h.tallys {
		t.mutex.Lock()
		ranges := t.numbers.ranges
		if len(ranges) > 1000 {
			ranges = ranges[:1000]
		}
		out = append(out, fields{
			"peer": key.peer, "channel": key.channel,
			"received": t.received, "received_bytes": t.receivedBytes, "received_digest": t.inDigest.hex(),
			"in_pattern": t.inPattern, "mismatched": t.mismatched, "disorder": t.disorder, "duplicates": t.duplicates,
			"first_mismatch": t.firstMismatch, "numbers": append([][2]uint64{}, ranges...),
			"sent": t.sent, "sent_bytes": t.sentBytes, "sent_digest": t.outDigest.hex(),
		})
		t.mutex.Unlock()
	}
	return out
}

// echoQueue is a queue bounded in bytes: put waits for room, take for a message.
type echoQueue struct {
	mutex   sync.Mutex
	changed *sync.Cond
	queue   [][]byte
	size    int
}

func newEchoQueue() *echoQueue {
	q := &echoQueue{}
	q.changed = sync.NewCond(&q.mutex)
	return q
}

func (q *echoQueue) put(data []byte) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for q.size > 0 && q.size+len(data) > echoLimit {
		q.changed.Wait()
	}
	q.queue = append(q.queue, data)
	q.size += len(data)
	q.changed.Broadcast()
}

func (q *echoQueue) take() []byte {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for len(q.queue) == 0 {
		q.changed.Wait()
	}
	data := q.queue[0]
	q.queue[0] = nil
	q.queue = q.queue[1:]
	q.size -= len(data)
	q.changed.Broadcast()
	return data
}
